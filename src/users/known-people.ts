import { LRUCache, type Perf } from 'lru-cache';
import type { User } from '../model.ts';
import type { Directory } from './directory.ts';

/** How long a person is known: what changes in the directory is seen after this time at the latest. */
export const KNOWN_MS = 60_000;

/** How many people are known: some 10 MB. Who was needed longest ago makes way for somebody else. */
export const KNOWN_PEOPLE = 20_000;

/** The directory, and whom it told of a short time ago. */
export interface RememberingDirectory extends Directory {
  /** The person with this UUID as the directory had them within the last minute; undefined when it has to be asked. Costs no call. */
  known(id: string): User | undefined;
}

/**
 * The same directory, which remembers everybody it tells of, however they were looked for. An account that is not there is not
 * remembered: it is asked for each time, and so seen at once when it is made.
 *
 * @param clock milliseconds that only go forward
 */
export function rememberPeople(directory: Directory, clock: Perf = performance): RememberingDirectory {
  const people = new LRUCache<string, User>({ max: KNOWN_PEOPLE, ttl: KNOWN_MS, ttlResolution: 0, perf: clock });

  async function remembering<Found extends readonly User[] | User | undefined>(
    find: () => Promise<Found>,
  ): Promise<Found> {
    // The age counts from the question on: the answer may be as old as that.
    const start = clock.now();
    const found = await find();
    for (const user of [found ?? []].flat()) people.set(user.id, user, { start });
    return found;
  }

  return {
    known: (id) => people.get(id),
    findByIds: (ids) => remembering(() => directory.findByIds(ids)),
    findByHandles: (handles) => remembering(() => directory.findByHandles(handles)),
    search: (search) => remembering(() => directory.search(search)),
    findBySubject: (subject) => remembering(() => directory.findBySubject(subject)),
    ping: directory.ping,
  };
}
