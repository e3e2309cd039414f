import { within } from '../calls.ts';
import { UnavailableError } from '../errors.ts';
import { type Directory, NO_ANSWER } from './directory.ts';

/** A silent directory is asked again by one call in this time. */
const TRY_AGAIN_MS = 1_000;

export interface SilenceOptions {
  /** How long a call is waited for, the time to get a connection included; less than after which the pool gives up. */
  readonly patienceMs: number;
  /** Told when the directory falls silent. */
  readonly onSilence: () => void;
}

/**
 * The same directory, for which nobody waits for long. Once a call was waited for in vain, and no other was answered meanwhile, the
 * directory is silent: calls fail at once, but for one a second that tries again, until one is answered. So the requests that need
 * it don't take the turns of those that don't, and it is not met by all of them at once when it comes back.
 *
 * A directory that refuses is not silent: who is refused has not waited.
 */
export function leaveAloneWhileSilent(directory: Directory, { patienceMs, onSilence }: SilenceOptions): Directory {
  let heardAt = Number.NEGATIVE_INFINITY;
  let isSilent = false;
  let tryAgainAt = 0;

  const heard = () => {
    heardAt = performance.now();
    isSilent = false;
  };
  const waitedInVain = (since: number, cause: Error) => {
    if (!isSilent && heardAt < since) {
      isSilent = true;
      tryAgainAt = performance.now() + TRY_AGAIN_MS;
      onSilence();
    }
    return new UnavailableError(NO_ANSWER, { cause });
  };

  async function ask<Result>(make: () => Promise<Result>): Promise<Result> {
    const startedAt = performance.now();
    if (isSilent) {
      if (startedAt < tryAgainAt) throw new UnavailableError(NO_ANSWER);
      tryAgainAt = startedAt + TRY_AGAIN_MS;
    }
    const answer = make();
    answer.then(heard, () => {
      // Later than that, it is the pool that gave up.
      if (performance.now() - startedAt < patienceMs) heard();
    });
    return within(patienceMs, answer, (late) => waitedInVain(startedAt, late));
  }

  return {
    findByIds: (ids) => ask(() => directory.findByIds(ids)),
    findByHandles: (handles) => ask(() => directory.findByHandles(handles)),
    search: (search) => ask(() => directory.search(search)),
    findBySubject: (subject) => ask(() => directory.findBySubject(subject)),
    // Who asks whether it answers wants to know it for certain.
    ping: async () => {
      await directory.ping();
      heard();
    },
  };
}
