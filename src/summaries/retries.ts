import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import pLimit from 'p-limit';
import { takesWrites } from '../table/health.ts';
import { limitCalls, type Table } from '../table/table.ts';
import { applyTo } from './apply.ts';
import { type GroupChange, mergeChanges } from './changes.ts';
import type { ParkedWork } from './parked-work.ts';

export interface RetriesOptions {
  readonly table: Table;
  readonly parked: ParkedWork;
  /** Ends the retries. What is left is rejected. */
  readonly signal: AbortSignal;
  /** Is called with a failure, at most once a second. */
  readonly onRetry: (failure: { readonly error: unknown; readonly pending: number }) => void;
  /** A write that fails for so long is parked if other summaries were written meanwhile, in milliseconds. */
  readonly parkAfterMs?: number | undefined;
  /** Parks a summary also if no other one was written meanwhile, because an invocation may have records of one group only. */
  readonly parksAlone?: boolean;
}

const PARK_AFTER_MS = 30_000;

/** The wait after a failure, in milliseconds. It doubles up to the longest, with jitter. */
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;

/** The deadline of a call, in milliseconds: so long for each failure up to the longest, since summaries that hang must not delay others. */
const ATTEMPT_MS = 1_000;
const LONGEST_ATTEMPT_MS = 10_000;

/** The time between two looks for writes that are due. */
const LOOK_MS = 50;

const CONCURRENCY = 64;
/** Writes of one person's summaries at once: those of others must not wait until all of them have hung. */
const CONCURRENCY_PER_USER = 8;

/** The time between two calls of `onRetry`, in milliseconds. */
const TELL_MS = 1_000;

/** With so many writes to retry, so many waiting promises of batches, which hold keys, or without a success for so long, the shards wait. */
const MAX_PENDING = 10_000;
const MAX_WAITING = 50_000;
const SUCCESS_WITHIN_MS = 1_000;
const PROBE_MS = 100;

interface Entry {
  change: GroupChange;
  readonly userId: string | undefined;
  /** When the batch began whose write failed first, by `performance.now()`. */
  readonly since: number;
  failures: number;
  dueAt: number;
  readonly waiting: { readonly resolve: (isApplied: boolean) => void; readonly reject: (error: unknown) => void }[];
}

/**
 * Writes of summaries that failed, retried until they succeed or are parked. Writes of one summary are merged, so there is at most one entry
 * for each. Other summaries do not wait for them.
 */
export class Retries {
  readonly #options: RetriesOptions;
  readonly #entries = new Map<string, Entry>();
  #succeededAt = performance.now();
  #writtenAt = Number.NEGATIVE_INFINITY;
  #toldAt = Number.NEGATIVE_INFINITY;
  /** The people of whom a write was parked within the last seconds. */
  readonly #parkedUsers = new LRUCache<string, true>({ max: 1_000, ttl: LONGEST_ATTEMPT_MS });
  /** Promises that `add` returned and that are not settled. */
  #waiting = 0;

  constructor(options: RetriesOptions) {
    this.#options = options;
  }

  /** Tells whether a write of this summary is retried or parked, so that a new one is added to it. */
  has(messageGroupId: string, userId: string): boolean {
    return this.#entries.has(keyOf(messageGroupId, userId)) || this.#options.parked.has(messageGroupId, userId);
  }

  /** Notes that a summary was written. */
  onWritten(): void {
    this.#writtenAt = performance.now();
    this.#succeededAt = this.#writtenAt;
  }

  /** Waits while nothing succeeds, or while there is too much to retry, but not longer than until a batch is settled. */
  async waitForSuccess(settled: Promise<void>): Promise<void> {
    let isSettled = false;
    const onSettled = () => {
      isSettled = true;
    };
    settled.then(onSettled, onSettled);
    while (!isSettled && this.#entries.size > 0 && !this.#options.signal.aborted) {
      const isIdle = performance.now() - this.#succeededAt > SUCCESS_WITHIN_MS;
      if (isIdle && (await takesWrites(this.#options.table))) this.#succeededAt = performance.now();
      else if (!isIdle && this.#entries.size <= MAX_PENDING && this.#waiting <= MAX_WAITING) return;
      await delay(PROBE_MS, undefined, { signal: this.#options.signal }).catch(() => {});
    }
  }

  /**
   * Adds a write that failed. Resolves once it succeeded or is parked. Rejects once the signal is aborted.
   *
   * @param since when the batch of the write began, by `performance.now()`
   * @returns false if the group has no profile
   */
  async add(change: GroupChange, userId: string | undefined, since: number): Promise<boolean> {
    const { parked, signal } = this.#options;
    signal.throwIfAborted();
    const key = keyOf(change.messageGroupId, userId);
    const known = this.#entries.get(key);
    const now = performance.now();
    const entry = known ?? { change, userId, since, failures: 1, dueAt: now + FIRST_WAIT_MS, waiting: [] };
    if (known) known.change = mergeChanges(known.change, change);
    // A parked summary is tried once, and parked again at once, so that its shard does not wait again.
    else if (parked.has(change.messageGroupId, userId)) entry.dueAt = now;
    this.#entries.set(key, entry);
    this.#waiting += 1;
    return new Promise<boolean>((resolve, reject) => entry.waiting.push({ resolve, reject })).finally(() => {
      this.#waiting -= 1;
    });
  }

  /** Retries until the signal is aborted. */
  async run(): Promise<void> {
    const { signal } = this.#options;
    const limit = pLimit(CONCURRENCY);
    const underWay = new Set<string>();
    const ofUsers = new Map<string | undefined, number>();
    const count = (userId: string | undefined, by: number) => ofUsers.set(userId, (ofUsers.get(userId) ?? 0) + by);
    while (!signal.aborted) {
      const now = performance.now();
      for (const [key, entry] of this.#entries) {
        if (entry.dueAt > now || underWay.has(key)) continue;
        const { userId } = entry;
        if (userId !== undefined && (ofUsers.get(userId) ?? 0) >= CONCURRENCY_PER_USER) continue;
        underWay.add(key);
        count(userId, 1);
        void limit(() => this.#retry(key, entry)).finally(() => {
          underWay.delete(key);
          count(userId, -1);
          if (ofUsers.get(userId) === 0) ofUsers.delete(userId);
        });
      }
      await delay(LOOK_MS, undefined, { signal }).catch(() => {});
    }
    for (const { waiting } of this.#entries.values()) for (const { reject } of waiting) reject(signal.reason);
    this.#entries.clear();
  }

  async #retry(key: string, entry: Entry): Promise<void> {
    const { table, parked, signal, parkAfterMs = PARK_AFTER_MS } = this.#options;
    const { change, userId } = entry;
    const isParked = parked.has(change.messageGroupId, userId);
    const attemptMs = isParked ? ATTEMPT_MS : Math.min(ATTEMPT_MS * entry.failures, LONGEST_ATTEMPT_MS);
    // Each would take its deadline, a few at once, and their shards would wait for all of them.
    if (userId !== undefined && this.#parkedUsers.has(userId) && (await this.#isToPark(entry, parkAfterMs)))
      return this.#park(key, entry, change);
    try {
      const isApplied = await applyTo(limitCalls(table, attemptMs), change, userId);
      if (isApplied) this.onWritten();
      this.#settle(key, entry, change, isApplied);
    } catch (error) {
      if (signal.aborted) return;
      this.#tell(error);
      entry.failures += 1;
      const wait = Math.min(FIRST_WAIT_MS * 2 ** entry.failures, LONGEST_WAIT_MS);
      entry.dueAt = performance.now() + wait * (0.5 + Math.random() / 2);
      if (!isParked && !(await this.#isToPark(entry, parkAfterMs))) return;
      await this.#park(key, entry, change);
    }
  }

  async #park(key: string, entry: Entry, change: GroupChange): Promise<void> {
    try {
      await this.#options.parked.park(change.messageGroupId, entry.userId);
      if (entry.userId !== undefined) this.#parkedUsers.set(entry.userId, true);
      this.#settle(key, entry, change, true);
    } catch (error) {
      this.#tell(error);
    }
  }

  #tell(error: unknown): void {
    const now = performance.now();
    if (now - this.#toldAt < TELL_MS) return;
    this.#toldAt = now;
    this.#options.onRetry({ error, pending: this.#entries.size });
  }

  /** A summary is to blame only if others could be written since its write began to fail, and the table takes writes now. */
  async #isToPark({ since }: Entry, parkAfterMs: number): Promise<boolean> {
    if (performance.now() - since < parkAfterMs) return false;
    if (!this.#options.parksAlone && this.#writtenAt <= since) return false;
    return takesWrites(this.#options.table);
  }

  /** Resolves an entry, unless another change was merged into it in the meantime. */
  #settle(key: string, entry: Entry, applied: GroupChange, isApplied: boolean): void {
    if (entry.change !== applied) {
      entry.dueAt = performance.now();
      return;
    }
    this.#entries.delete(key);
    for (const { resolve } of entry.waiting) resolve(isApplied);
  }
}

function keyOf(messageGroupId: string, userId: string | undefined): string {
  return `${messageGroupId}#${userId ?? '*'}`;
}
