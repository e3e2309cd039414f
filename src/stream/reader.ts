import { setTimeout as delay } from 'node:timers/promises';
import { type DynamoDBStreamsClient, ResourceNotFoundException } from '@aws-sdk/client-dynamodb-streams';
import pLimit, { type LimitFunction } from 'p-limit';
import { within } from '../calls.ts';
import type { Checkpoint, Checkpoints } from './checkpoints.ts';
import { KEPT_MS } from './current-stream.ts';
import { DEFAULT_PACE, type Pace, readShard, type ShardEnd } from './shard-reader.ts';
import { listShards, readableShards, type Shard, type StreamRecord } from './shards.ts';
import { UnsettledBatches } from './unsettled-batches.ts';
import type { ShardWatch } from './watch.ts';

/** The log of a reader. */
export interface StreamLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export interface StreamReaderOptions {
  readonly client: DynamoDBStreamsClient;
  readonly streamArn: string;
  readonly checkpoints: Checkpoints;
  /** Nobody has read the stream before, so no checkpoint is lost. */
  readonly isNew?: boolean | undefined;
  /**
   * Processes a batch. Resolves once the records after it may be processed, with a promise that resolves once all records of the batch are
   * done. Rejects, or the inner promise does, only if `lost` is aborted or the stop has taken too long.
   */
  readonly process: (records: readonly StreamRecord[]) => Promise<{ settled: Promise<void> }>;
  /** Is called if records were lost before they were read. The checkpoint passes the gap only once it has resolved. */
  readonly onLoss: (reason: string) => Promise<void>;
  /** Is called about once a minute after all shards were listed. */
  readonly onListed?: (() => Promise<void>) | undefined;
  readonly watch?: ShardWatch | undefined;
  readonly log: StreamLog;
  /** Stops the reading. Batches under way have 2 s to settle. */
  readonly signal: AbortSignal;
  /** Stops the reading at once, because another worker may be active. */
  readonly lost: AbortSignal;
  readonly pace?: Pace | undefined;
  /** The time between two lists of the shards, in milliseconds; 2 s unless given. */
  readonly lookMs?: number | undefined;
}

const LOOK_MS = 2_000;

/** Pages of records that are in memory at once. A page has up to 1 MB, and there may be thousands of shards. */
const PAGES = 8;

/** DescribeStream is throttled at 10 calls a second for an account. A long list is read less often, in milliseconds for each shard. */
const LOOK_MS_PER_SHARD = 10;

/** The time that batches have to settle once the reading is stopped. The next worker has less to do over. */
const LAST_BATCH_MS = 2_000;

/** The time between two notes that the stream is read, or that a shard is caught up, in milliseconds. */
const NOTE_MS = 60_000;

/**
 * Reads a stream until it is stopped or gone: all shards, parents before children, each from its checkpoint on.
 *
 * @returns why it ended
 */
export async function readStream(options: StreamReaderOptions): Promise<'stopped' | 'gone'> {
  const {
    client,
    streamArn,
    checkpoints,
    isNew = false,
    onListed,
    watch,
    log,
    signal,
    lost,
    lookMs = LOOK_MS,
  } = options;
  const stop = new AbortController();
  let wake = new AbortController();
  const onStop = () => {
    stop.abort();
    wake.abort();
  };
  for (const each of [signal, lost]) each.addEventListener('abort', onStop, { once: true });
  if (signal.aborted || lost.aborted) onStop();

  const reading = new Map<string, Promise<void>>();
  const seen = new Set<string>();
  const turns = pLimit(PAGES);
  /** When the reading of a shard came to its end, in milliseconds since 1970. */
  const endedAt = new Map<string, number>();
  let listedAt = Date.now();
  let isGone = false;
  let notedAt = Number.NEGATIVE_INFINITY;
  // Shards that are not known yet may have records that wait.
  const tellWaiting = () => watch?.onWaiting(ALL_SHARDS, listedAt);
  while (!stop.signal.aborted) {
    // A shard that ends makes way for its children at once, also if it ends during this look.
    const look = new AbortController();
    wake = look;
    let shards: Shard[] = [];
    try {
      const known = new Map((await checkpoints.list()).map((each) => [each.shardId, each]));
      shards = await listShards(client, streamArn, stop.signal, tellWaiting);
      for (const { id, parentId } of readableShards(shards, (shardId) => known.get(shardId)?.finished ?? false)) {
        if (reading.has(id) || stop.signal.aborted) continue;
        const checkpoint = await checkpoints.claim(id);
        if (checkpoint === 'lost') return stopReading('stopped');
        if (checkpoint?.finished) continue;
        const parent = known.get(parentId ?? '');
        const isNotedChild = parent?.children?.has(id) ?? false;
        if (parent && !isNotedChild) await checkpoints.noteChild(parent.shardId, id);
        // The child of a shard that was read begins at its first record. So does each shard of a new stream, once.
        const knownSince = Math.min(listedAt, endedAt.get(parentId ?? '') ?? listedAt);
        const isKept = Date.now() - knownSince < KEPT_MS;
        const isFirstRead = isKept && !seen.has(id) && (isNew || parent !== undefined) && !isNotedChild;
        seen.add(id);
        const before = checkpoint ?? (isFirstRead ? undefined : NO_CHECKPOINT);
        const onEnd = () => endedAt.set(id, Date.now());
        const read = readOne(options, { shardId: id, before, turns, onEnd, signal: stop.signal }).then((end) => {
          reading.delete(id);
          if (end !== 'finished') return;
          look.abort();
          wake.abort();
        });
        reading.set(id, read);
      }
      await forgetVanished(options, shards, [...known.values()], reading);
      const present = new Set(shards.map(({ id }) => id));
      for (const each of [...seen, ...endedAt.keys()].filter((id) => !present.has(id))) {
        seen.delete(each);
        endedAt.delete(each);
      }
      listedAt = Date.now();
      watch?.onLeft(ALL_SHARDS);
      if (performance.now() - notedAt >= NOTE_MS) {
        await onListed?.();
        notedAt = performance.now();
      }
    } catch (error) {
      isGone = error instanceof ResourceNotFoundException;
      if (isGone) break;
      if (stop.signal.aborted) break;
      log.warn({ err: error }, 'could not list the shards, trying again');
      tellWaiting();
    }
    await delay(Math.max(lookMs, shards.length * LOOK_MS_PER_SHARD), undefined, { signal: look.signal }).catch(
      () => {},
    );
  }
  return stopReading(isGone ? 'gone' : 'stopped');

  async function stopReading(end: 'stopped' | 'gone'): Promise<'stopped' | 'gone'> {
    onStop();
    watch?.onLeft(ALL_SHARDS);
    await Promise.all(reading.values());
    for (const each of [signal, lost]) each.removeEventListener('abort', onStop);
    return end;
  }
}

/** Stands for the list of shards where a shard's id is told. */
const ALL_SHARDS = 'all';

/** The progress with a shard whose checkpoint was lost. */
const NO_CHECKPOINT: Pick<Checkpoint, 'checkpoint' | 'caughtUpAt'> = {};

interface OneShard {
  readonly shardId: string;
  readonly before: Pick<Checkpoint, 'checkpoint' | 'caughtUpAt'> | undefined;
  readonly turns: LimitFunction;
  /** Is called when the shard was read to its end. Its records may not be done yet. */
  readonly onEnd: () => void;
  readonly signal: AbortSignal;
}

/** Reads a shard until its end, or until it is stopped. @returns how it ended; undefined after an error */
async function readOne(
  { client, streamArn, checkpoints, process, onLoss, watch, log, pace = DEFAULT_PACE, lost }: StreamReaderOptions,
  { shardId, before, turns, onEnd, signal }: OneShard,
): Promise<ShardEnd | undefined> {
  const stop = new AbortController();
  const onStop = () => stop.abort();
  signal.addEventListener('abort', onStop, { once: true });
  if (signal.aborted) onStop();
  const batches = new UnsettledBatches(
    (sequenceNumber) => checkpoints.save(shardId, sequenceNumber),
    (err) => {
      if (!signal.aborted) log.warn({ err, shardId }, 'shard left');
      stop.abort();
    },
  );
  let notedAt = Number.NEGATIVE_INFINITY;
  let readAt = Date.now();
  /** When the oldest record of each batch was written that is not settled, oldest batch first. */
  const waiting = new Set<{ readonly since: number }>();
  const tellWaiting = () => watch?.onWaiting(shardId, [...waiting][0]?.since);
  try {
    log.info({ shardId, checkpoint: before?.checkpoint }, 'reading a shard');
    if (before && before.checkpoint === undefined && !(Date.now() - (before.caughtUpAt ?? 0) < KEPT_MS)) {
      await onLoss(`the shard ${shardId} has no checkpoint`);
      // Records that are read from now on are no loss, if the reading begins anew.
      await checkpoints.caughtUp(shardId, Date.now());
    }
    const end = await readShard({
      client,
      streamArn,
      shardId,
      checkpoint: before?.checkpoint,
      pace,
      turns,
      signal: stop.signal,
      onRecords: async (records) => {
        readAt = Date.now();
        const last = records.at(-1)?.dynamodb;
        if (last?.SequenceNumber === undefined) throw new Error('A record without a sequence number');
        const batch = { since: records[0]?.dynamodb?.ApproximateCreationDateTime?.getTime() ?? readAt };
        waiting.add(batch);
        tellWaiting();
        const { settled } = await process(records);
        const onSettled = () => {
          waiting.delete(batch);
          tellWaiting();
        };
        settled.then(onSettled, onSettled);
        const lagMs = Date.now() - (last.ApproximateCreationDateTime?.getTime() ?? Date.now());
        watch?.onBatch({ shardId, records: records.length, lagMs });
        return { mayGoOn: batches.add(last.SequenceNumber, settled) };
      },
      onCaughtUp: () => {
        readAt = Date.now();
        if (batches.count > 0) return;
        tellWaiting();
        watch?.onCaughtUp(shardId);
        if (performance.now() - notedAt < NOTE_MS) return;
        notedAt = performance.now();
        checkpoints
          .caughtUp(shardId, Date.now())
          .catch((err) => log.warn({ err, shardId }, 'could not save a checkpoint'));
      },
      onTrimmed: () => onLoss(`records of the shard ${shardId} were lost before they were read`),
      onRetry: (err) => {
        log.warn({ err, shardId }, 'could not read the shard, trying again');
        if (waiting.size === 0) watch?.onWaiting(shardId, readAt);
      },
    });
    if (end === 'finished') onEnd();
    const isSettled = lost.aborted ? false : await settledInTime(batches, end === 'stopped');
    if (end === 'finished' && isSettled) await checkpoints.finish(shardId);
    log.info({ shardId, end, isSettled }, 'shard left');
    return isSettled ? end : undefined;
  } catch (error) {
    // The shard is read again from its checkpoint.
    if (!signal.aborted) log.warn({ err: error, shardId }, 'shard left');
    return undefined;
  } finally {
    signal.removeEventListener('abort', onStop);
    // Batches that settle later tell nothing of a shard that was left.
    waiting.clear();
    watch?.onLeft(shardId);
  }
}

function settledInTime(batches: UnsettledBatches, isStopped: boolean): Promise<boolean> {
  return isStopped ? within(LAST_BATCH_MS, batches.settled()).catch(() => false) : batches.settled();
}

/** Forgets shards that are no longer in the stream. One that was not read to its end took records with it. */
async function forgetVanished(
  { checkpoints, onLoss }: StreamReaderOptions,
  shards: readonly Shard[],
  known: readonly Checkpoint[],
  reading: ReadonlyMap<string, unknown>,
): Promise<void> {
  const present = new Set(shards.map(({ id }) => id));
  for (const { shardId, finished } of known) {
    if (present.has(shardId) || reading.has(shardId)) continue;
    if (!finished) await onLoss(`the shard ${shardId} is gone, and was not read to its end`);
    await checkpoints.forget(shardId);
  }
}
