import { type Call, timed, within } from '../calls.ts';
import { type DirectoryBreaker, DirectoryTimeoutError } from './breaker.ts';
import type { CachedDirectory } from './user-cache.ts';

export interface Observation {
  /** Is called with each call; not for users that come from the cache. */
  readonly onCall: (call: Call) => void;
  /** When the request is out of time, by `performance.now()`. */
  readonly deadline: number;
  readonly breaker: DirectoryBreaker;
  /** How long all calls of the request may take together, in milliseconds. */
  readonly budgetMs: number;
}

/** Wraps a directory for one request: reports each call, and enforces the request's time budget and the circuit breaker. */
export function observeDirectory(
  directory: CachedDirectory,
  { onCall, deadline, breaker, budgetMs }: Observation,
): CachedDirectory {
  const budget = new TimeBudget(budgetMs, deadline);
  const observed = <Result>(operation: string, make: () => Promise<Result>) =>
    timed(operation, () => breaker(() => budget.spendOn(make)), onCall);
  return {
    cached: directory.cached,
    cachedBySubject: directory.cachedBySubject,
    findByIds: (ids) => observed('findByIds', () => directory.findByIds(ids)),
    findByHandles: (handles) => observed('findByHandles', () => directory.findByHandles(handles)),
    search: (search) => observed('search', () => directory.search(search)),
    findBySubject: (subject) => observed('findBySubject', () => directory.findBySubject(subject)),
    ping: () => observed('ping', directory.ping),
  };
}

/** A time that calls share: what one call takes, the next does not have. Calls at the same time use it up once. */
class TimeBudget {
  readonly #deadline: number;
  #leftMs: number;
  #running = 0;
  #since = 0;

  constructor(milliseconds: number, deadline: number) {
    this.#leftMs = milliseconds;
    this.#deadline = deadline;
  }

  async spendOn<Result>(make: () => Promise<Result>): Promise<Result> {
    const now = performance.now();
    if (this.#running === 0) this.#since = now;
    const leftMs = Math.min(this.#leftMs - (now - this.#since), this.#deadline - now);
    if (leftMs <= 0) throw new DirectoryTimeoutError();
    this.#running += 1;
    try {
      return await within(leftMs, make(), (cause) => new DirectoryTimeoutError(cause));
    } finally {
      this.#running -= 1;
      if (this.#running === 0) this.#leftMs -= performance.now() - this.#since;
    }
  }
}
