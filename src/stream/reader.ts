import { setTimeout as delay } from 'node:timers/promises';
import { type DynamoDBStreamsClient, ResourceNotFoundException } from '@aws-sdk/client-dynamodb-streams';
import { keepDeadLetter } from './dead-letters.ts';
import { type Lease, Leases, type LeaseTable, LeaseWatch } from './leases.ts';
import { DEFAULT_PACE, type Pace, readShard } from './shard-reader.ts';
import { listShards, readableShards, type Shard, type StreamRecord } from './shards.ts';
import type { ShardWatch } from './watch.ts';

/** A record that can never be processed, with the reason. */
export interface Poison {
  readonly record: StreamRecord;
  readonly reason: string;
  readonly attempts: number;
}

/** What the reader tells of its work. */
export interface StreamLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export interface StreamReaderOptions {
  readonly client: DynamoDBStreamsClient;
  readonly streamArn: string;
  /** Where checkpoints, leases and dead letters are kept. */
  readonly table: LeaseTable;
  /** Different for each run of each worker. */
  readonly owner: string;
  /**
   * Processes a batch, whatever it takes, and resolves with what is to be set aside. Rejects only when the signal is aborted:
   * a failure that may pass is for the processor to try again, so that it holds up no other shard.
   */
  readonly process: (records: readonly StreamRecord[], signal: AbortSignal) => Promise<readonly Poison[]>;
  /** Called when records were lost before they were read. */
  readonly onTrimmed: () => Promise<void>;
  readonly watch?: ShardWatch;
  readonly log: StreamLog;
  /** Stops the reading: batches under way have 2 s to end and are then given up, leases are released. */
  readonly signal: AbortSignal;
  /**
   * How long a reader that died keeps its shards, 9 s unless given. It is renewed four and a half times in that time, so that a takeover
   * comes within one and a half of it.
   */
  readonly leaseMs?: number;
  readonly pace?: Pace;
}

const DEFAULT_LEASE_MS = 9_000;

/** How long a batch may take to end once the reading is stopped. Whoever takes the shard next has less to do over. */
const LAST_BATCH_MS = 2_000;

/** How many times a lease is renewed, and shards and leases looked at, before it runs out. */
const LOOKS_A_LEASE = 4.5;

/**
 * Reads a stream until the signal is aborted or the stream is gone: all of its shards, parents before children, each from its
 * checkpoint on. Several readers share the shards: each shard has one at a time, and is taken over when that one dies.
 *
 * @returns why it ended
 */
export async function readStream(options: StreamReaderOptions): Promise<'stopped' | 'gone'> {
  const reader = new StreamReader(options);
  return reader.run();
}

/** A shard that this reader holds. */
interface Held {
  /** Ends the reading. */
  readonly abort: AbortController;
  /** Gives up the batch under way. */
  readonly giveUp: AbortController;
  readonly done: Promise<void>;
  /** When the lease was last known to be held, by a clock that only goes forward. */
  renewedAt: number;
}

class StreamReader {
  readonly #options: StreamReaderOptions;
  readonly #leaseMs: number;
  readonly #refreshMs: number;
  readonly #leases: Leases;
  readonly #watch: LeaseWatch;
  readonly #held = new Map<string, Held>();
  /** The waits between two looks, which end early when a shard has: it makes way for its children at once. */
  readonly #waits = new Set<AbortController>();
  #isStopping = false;

  constructor(options: StreamReaderOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? DEFAULT_LEASE_MS;
    this.#refreshMs = this.#leaseMs / LOOKS_A_LEASE;
    this.#leases = new Leases(options.table, options.streamArn, options.owner);
    this.#watch = new LeaseWatch(this.#leaseMs);
  }

  async run(): Promise<'stopped' | 'gone'> {
    const { signal } = this.#options;
    signal.addEventListener('abort', () => this.#stop(), { once: true });
    if (signal.aborted) this.#stop();
    // Apart from each other: a stream that is slow to describe must not cost the leases.
    await Promise.all([
      this.#repeat('renew the leases', () => this.#renewAll()),
      this.#repeat('give up leases that run out', async () => this.#giveUpStale()),
      this.#repeat('look at the shards', () => this.#refresh()),
    ]);
    await Promise.all([...this.#held.values()].map(({ done }) => done));
    return signal.aborted ? 'stopped' : 'gone';
  }

  #stop(): void {
    this.#isStopping = true;
    this.#wake();
    for (const { abort, giveUp } of this.#held.values()) {
      abort.abort();
      setTimeout(() => giveUp.abort(), LAST_BATCH_MS).unref();
    }
  }

  /** It is no longer ours: another may be at work on it. */
  #lose({ abort, giveUp }: Held): void {
    abort.abort();
    giveUp.abort();
  }

  #wake(): void {
    for (const wait of this.#waits) wait.abort();
  }

  async #repeat(name: string, step: () => Promise<void>): Promise<void> {
    while (!this.#isStopping) {
      // From before the step on: what it did not see yet must not wait for the next one.
      const wait = new AbortController();
      this.#waits.add(wait);
      try {
        await step();
      } catch (error) {
        if (error instanceof ResourceNotFoundException) this.#stop();
        else if (!this.#isStopping) this.#options.log.warn({ err: error }, `could not ${name}, trying again`);
      }
      if (!this.#isStopping) await delay(this.#refreshMs, undefined, { signal: wait.signal }).catch(() => {});
      this.#waits.delete(wait);
    }
  }

  async #refresh(): Promise<void> {
    const { client, streamArn, signal } = this.#options;
    // The leases first: a shard that another worker took in between is then in the stream for certain.
    const leases = await this.#leases.list();
    const shards = await listShards(client, streamArn, signal);
    const known = new Map(leases.map((lease) => [lease.shardId, lease]));
    const now = performance.now();
    for (const { id } of readableShards(shards, (shardId) => known.get(shardId)?.finished ?? false)) {
      const lease = known.get(id);
      if (this.#held.has(id) || this.#isStopping) continue;
      const isFree = !lease || this.#leases.isMine(lease) || this.#watch.isFree(lease, now);
      const taken = isFree && (await this.#leases.take(id, lease));
      if (taken && this.#isStopping) await this.#leases.release(id);
      else if (taken) this.#hold(id, taken.checkpoint);
    }
    await this.#forgetVanished(shards, leases, now);
  }

  /** A shard that is gone from the stream before it was read to its end took records with it. */
  async #forgetVanished(shards: readonly Shard[], leases: readonly Lease[], now: number): Promise<void> {
    const present = new Set(shards.map(({ id }) => id));
    for (const lease of leases) {
      if (present.has(lease.shardId) || this.#held.has(lease.shardId)) continue;
      if (!lease.finished) {
        if (!this.#watch.isFree(lease, now)) continue;
        await this.#trimmed(lease.shardId);
      }
      await this.#leases.forget(lease.shardId);
    }
  }

  #hold(shardId: string, checkpoint: string | undefined): void {
    const [abort, giveUp] = [new AbortController(), new AbortController()];
    this.#options.log.info({ shardId, checkpoint }, 'shard taken');
    const done = this.#read(shardId, checkpoint, abort.signal, giveUp.signal).finally(() => {
      this.#held.delete(shardId);
      this.#wake();
    });
    this.#held.set(shardId, { abort, giveUp, done, renewedAt: performance.now() });
  }

  async #read(
    shardId: string,
    checkpoint: string | undefined,
    signal: AbortSignal,
    givenUp: AbortSignal,
  ): Promise<void> {
    const { client, streamArn, log, watch } = this.#options;
    try {
      const end = await readShard({
        client,
        streamArn,
        shardId,
        checkpoint,
        pace: this.#options.pace ?? DEFAULT_PACE,
        signal,
        onRecords: (records) => this.#onRecords(shardId, records, givenUp),
        onCaughtUp: () => watch?.onCaughtUp(shardId),
        onTrimmed: () => this.#trimmed(shardId),
        onRetry: (error) => log.warn({ err: error, shardId }, 'could not read the shard, trying again'),
      });
      const held = end === 'finished' ? await this.#leases.finish(shardId) : await this.#leases.release(shardId);
      log.info({ shardId, end, held }, 'shard given up');
    } catch (error) {
      // The lease runs out by itself, and the shard is read again from its checkpoint.
      log.warn({ err: error, shardId }, 'shard left');
    } finally {
      watch?.onLeft(shardId);
    }
  }

  /** Records are checkpointed once done: processed, or set aside. */
  async #onRecords(shardId: string, records: readonly StreamRecord[], signal: AbortSignal): Promise<boolean> {
    const { table, streamArn, process, watch } = this.#options;
    const poison = await process(records, signal);
    for (const { record, reason, attempts } of poison) {
      const sequenceNumber = record.dynamodb?.SequenceNumber ?? '0';
      const setAsideAt = new Date().toISOString();
      await keepDeadLetter(table, streamArn, { sequenceNumber, record, reason, attempts, setAsideAt });
      this.#options.log.warn({ shardId, sequenceNumber, reason, attempts }, 'dead letter');
    }
    const last = records.at(-1)?.dynamodb;
    if (last?.SequenceNumber === undefined) throw new Error('A record without a sequence number');
    const lagMs = Date.now() - (last.ApproximateCreationDateTime?.getTime() ?? Date.now());
    watch?.onBatch({ shardId, records: records.length, poison: poison.length, lagMs });
    return this.#leases.checkpoint(shardId, last.SequenceNumber);
  }

  async #trimmed(shardId: string): Promise<void> {
    this.#options.log.warn({ shardId }, 'records were lost before they were read');
    await this.#options.onTrimmed();
  }

  async #renewAll(): Promise<void> {
    await Promise.all(
      [...this.#held].map(async ([shardId, held]) => {
        if (await this.#leases.renew(shardId)) held.renewedAt = performance.now();
        else this.#lose(held);
      }),
    );
  }

  /** Who can't renew a lease must assume that another has taken it by the time that it runs out. */
  #giveUpStale(): void {
    for (const held of this.#held.values()) {
      if (performance.now() - held.renewedAt > this.#leaseMs - this.#refreshMs) this.#lose(held);
    }
  }
}
