import { LRUCache, type Perf } from 'lru-cache';
import type { User } from '../model.ts';
import type { Directory } from './directory.ts';

/** How long a user is cached, in milliseconds. A change in the directory is seen after this time at the latest. */
export const CACHE_MS = 60_000;

/** How many users are cached: some 20 MB. The least recently used is evicted first. */
export const MAX_CACHED_USERS = 20_000;

/** A directory, and the users that it returned within the last minute. Reading the cache makes no call. */
export interface CachedDirectory extends Directory {
  /** The cached user with this UUID; undefined if the directory has to be asked. */
  cached(id: string): User | undefined;
  /** The cached user whose tokens have this subject; undefined if the directory has to be asked. */
  cachedBySubject(subject: string): User | undefined;
}

/**
 * Wraps a directory: caches the users that it returns, by id and by subject, for 60 s. Misses are not cached, so a new account is seen at
 * once. Handles are always looked up. Lookups of one subject at the same time are one call.
 *
 * @param clock milliseconds that only go forward
 */
export function cacheUsers(directory: Directory, clock: Perf = performance): CachedDirectory {
  const options = { max: MAX_CACHED_USERS, ttl: CACHE_MS, ttlResolution: 0, perf: clock };
  const users = new LRUCache<string, User>(options);
  /** Ids by subject. */
  const subjects = new LRUCache<string, string>(options);
  const lookups = new Map<string, Promise<User | undefined>>();

  async function keep<Found extends readonly User[]>(find: () => Promise<Found>): Promise<Found> {
    // The age counts from the question: the answer may be as old as that.
    const start = clock.now();
    const found = await find();
    for (const user of found) users.set(user.id, user, { start });
    return found;
  }

  async function findBySubject(subject: string): Promise<User | undefined> {
    const start = clock.now();
    const [user] = await keep(async () => [(await directory.findBySubject(subject)) ?? []].flat());
    if (user) subjects.set(subject, user.id, { start });
    return user;
  }

  return {
    cached: (id) => users.get(id),
    cachedBySubject: (subject) => {
      const id = subjects.get(subject);
      return id === undefined ? undefined : users.get(id);
    },
    findByIds: (ids) => keep(() => directory.findByIds(ids)),
    findByHandles: (handles) => keep(() => directory.findByHandles(handles)),
    search: (search) => keep(() => directory.search(search)),
    findBySubject: (subject) => {
      const lookup = lookups.get(subject) ?? findBySubject(subject).finally(() => lookups.delete(subject));
      lookups.set(subject, lookup);
      return lookup;
    },
    ping: directory.ping,
  };
}
