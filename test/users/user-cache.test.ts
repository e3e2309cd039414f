import { randomUUID } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { UnavailableError } from '../../src/errors.ts';
import type { User } from '../../src/model.ts';
import type { Directory } from '../../src/users/directory.ts';
import { CACHE_MS, cacheUsers, MAX_CACHED_USERS } from '../../src/users/user-cache.ts';

/** A directory of made-up people, and a clock that stands until it is moved. */
function aDirectory(people: readonly User[]) {
  const clock = { time: 1_000, now: () => clock.time };
  const directory: Directory = {
    findByIds: async (ids) => people.filter(({ id }) => ids.includes(id)),
    findByHandles: async (handles) => people.filter(({ handle }) => handles.includes(handle)),
    search: async () => people,
    findBySubject: async (subject) => people.find(({ id }) => id === subject),
    ping: async () => {},
  };
  return { clock, directory, caching: cacheUsers(directory, clock) };
}

function someone(): User {
  const id = randomUUID();
  return { id, handle: id, displayName: 'Somebody' };
}

test.each<[string, (directory: Directory, user: User) => Promise<unknown>]>([
  ['id', ({ findByIds }, { id }) => findByIds([id])],
  ['handle', ({ findByHandles }, { handle }) => findByHandles([handle])],
  ['subject', ({ findBySubject }, { id }) => findBySubject(id)],
])('a user who was found by %s is cached for a minute, and no longer', async (_, find) => {
  const ann = someone();
  const { clock, caching } = aDirectory([ann]);

  const before = caching.cached(ann.id);
  await find(caching, ann);
  clock.time += CACHE_MS;
  const inTime = caching.cached(ann.id);
  clock.time += 1;

  expect(before).toBeUndefined();
  expect(inTime).toEqual(ann);
  expect(caching.cached(ann.id)).toBeUndefined();
});

test('a user who was found by subject is cached under it for a minute, and costs one call for all who ask at once', async () => {
  const ann = someone();
  const { clock, directory } = aDirectory([ann]);
  const asked = vi.fn(directory.findBySubject);
  const caching = cacheUsers({ ...directory, findBySubject: asked }, clock);

  const found = await Promise.all([caching.findBySubject(ann.id), caching.findBySubject(ann.id)]);
  clock.time += CACHE_MS;
  const inTime = caching.cachedBySubject(ann.id);
  // Who is found by id meanwhile is cached for longer by id, but not by subject.
  await caching.findByIds([ann.id]);
  clock.time += 1;

  expect(found).toEqual([ann, ann]);
  expect(asked).toHaveBeenCalledTimes(1);
  expect(inTime).toEqual(ann);
  expect(caching.cachedBySubject(ann.id)).toBeUndefined();
  expect(caching.cached(ann.id)).toEqual(ann);
});

test('the age counts from the question, however late the answer', async () => {
  const ann = someone();
  const { clock, directory } = aDirectory([ann]);
  const late = cacheUsers(
    {
      ...directory,
      findByIds: async (ids) => {
        const found = await directory.findByIds(ids);
        clock.time += 900;
        return found;
      },
    },
    clock,
  );

  await late.findByIds([ann.id]);
  clock.time += CACHE_MS - 900;
  const inTime = late.cached(ann.id);
  clock.time += 1;

  expect(inTime).toEqual(ann);
  expect(late.cached(ann.id)).toBeUndefined();
});

test('reading does not keep a user in the cache for longer', async () => {
  const ann = someone();
  const { clock, caching } = aDirectory([ann]);
  await caching.findByIds([ann.id]);

  clock.time += CACHE_MS / 2;
  expect(caching.cached(ann.id)).toEqual(ann);
  clock.time += CACHE_MS / 2 + 1;

  expect(caching.cached(ann.id)).toBeUndefined();
});

test('misses and failures are not cached', async () => {
  const { clock, directory, caching } = aDirectory([]);
  const failing = cacheUsers(
    { ...directory, findByIds: () => Promise.reject(new UnavailableError('No answer')) },
    clock,
  );
  const id = randomUUID();

  expect(await caching.findByIds([id])).toEqual([]);
  expect(await caching.findBySubject(id)).toBeUndefined();
  await expect(failing.findByIds([id])).rejects.toThrow(UnavailableError);

  expect([caching.cached(id), failing.cached(id)]).toEqual([undefined, undefined]);
});

test('the least recently used user is evicted when the cache is full', async () => {
  const [first, second, ...others] = Array.from({ length: MAX_CACHED_USERS }, someone) as [User, User, ...User[]];
  const one = someone();
  const { clock, directory } = aDirectory([one]);
  const full = cacheUsers({ ...directory, findByIds: async () => [first, second, ...others] }, clock);
  await full.findByIds([]);

  const before = [full.cached(second.id), full.cached(first.id)];
  await full.findBySubject(one.id);
  await full.findByHandles([one.handle]);

  expect(before).toEqual([second, first]);
  expect([full.cached(one.id), full.cached(first.id), full.cached(second.id)]).toEqual([one, first, second]);
  expect(others.filter(({ id }) => full.cached(id))).toEqual(others.slice(1));
});
