import { type Call, timed, within } from '../calls.ts';
import { UnavailableError } from '../errors.ts';
import { NO_ANSWER } from './directory.ts';
import type { RememberingDirectory } from './known-people.ts';

export interface Observation {
  /** Told of each call; not of people who are known without one. */
  readonly onCall: (call: Call) => void;
  /** When the request is out of time, by `performance.now()`. */
  readonly deadline: number;
  /** How long all calls may be waited for together, in milliseconds. */
  readonly patienceMs: number;
}

/** The directory for one request, which waits for it no longer than it has patience. */
export function observeDirectory(
  directory: RememberingDirectory,
  { onCall, deadline, patienceMs }: Observation,
): RememberingDirectory {
  const patience = new Patience(patienceMs, deadline);
  const timedCall = <Result>(operation: string, make: () => Promise<Result>) =>
    timed(operation, () => patience.wait(make), onCall);
  return {
    known: directory.known,
    findByIds: (ids) => timedCall('findByIds', () => directory.findByIds(ids)),
    findByHandles: (handles) => timedCall('findByHandles', () => directory.findByHandles(handles)),
    search: (search) => timedCall('search', () => directory.search(search)),
    findBySubject: (subject) => timedCall('findBySubject', () => directory.findBySubject(subject)),
    ping: () => timedCall('ping', directory.ping),
  };
}

/** A time that calls share: what is waited for one is not there for the next. Calls at the same time use it up but once. */
class Patience {
  readonly #deadline: number;
  #leftMs: number;
  #waiting = 0;
  #since = 0;

  constructor(milliseconds: number, deadline: number) {
    this.#leftMs = milliseconds;
    this.#deadline = deadline;
  }

  async wait<Result>(make: () => Promise<Result>): Promise<Result> {
    const now = performance.now();
    if (this.#waiting === 0) this.#since = now;
    const leftMs = Math.min(this.#leftMs - (now - this.#since), this.#deadline - now);
    if (leftMs <= 0) throw new UnavailableError(NO_ANSWER);
    this.#waiting += 1;
    try {
      return await within(leftMs, make(), (cause) => new UnavailableError(NO_ANSWER, { cause }));
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#leftMs -= performance.now() - this.#since;
    }
  }
}
