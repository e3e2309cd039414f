import pLimit from 'p-limit';
import { type Call, timed, within } from '../calls.ts';
import { UnavailableError } from '../errors.ts';
import { type DirectoryBreaker, DirectoryTimeoutError } from './breaker.ts';
import { NO_ANSWER } from './directory.ts';
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

/**
 * Wraps a directory for one request: reports each call, makes one call at a time, and enforces the request's time budget and the circuit
 * breaker. The calls of one request follow each other, so that no request takes more than one connection from the pool.
 */
export function observeDirectory(
  directory: CachedDirectory,
  { onCall, deadline, breaker, budgetMs }: Observation,
): CachedDirectory {
  let leftMs = budgetMs;
  const oneAtATime = pLimit(1);

  async function spendTime<Result>(make: () => Promise<Result>): Promise<Result> {
    const startedAt = performance.now();
    const callMs = Math.min(leftMs, deadline - startedAt);
    if (callMs <= 0) throw new UnavailableError(NO_ANSWER);
    const late = (cause: Error) =>
      callMs < budgetMs ? new UnavailableError(NO_ANSWER, { cause }) : new DirectoryTimeoutError(cause);
    try {
      return await within(callMs, make(), late);
    } finally {
      leftMs -= performance.now() - startedAt;
    }
  }

  const observed = <Result>(operation: string, make: () => Promise<Result>) =>
    timed(operation, () => oneAtATime(() => breaker(() => spendTime(make))), onCall);
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
