import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { UnavailableError } from '../../src/errors.ts';
import type { User } from '../../src/model.ts';
import type { Directory } from '../../src/users/directory.ts';
import { KNOWN_MS, KNOWN_PEOPLE, rememberPeople } from '../../src/users/known-people.ts';

/** A directory of made-up people, and a clock that stands until it is moved. */
function aDirectory(people: readonly User[]) {
  const clock = { time: 1_000, now: () => clock.time };
  const directory: Directory = {
    findByIds: async (ids) => people.filter(({ id }) => ids.includes(id)),
    search: async () => people,
    findByHandles: async (handles) => people.filter(({ handle }) => handles.includes(handle)),
    findBySubject: async (subject) => people.find(({ id }) => id === subject),
    ping: async () => {},
  };
  return { clock, directory, remembering: rememberPeople(directory, clock) };
}

function someone(): User {
  const id = randomUUID();
  return { id, handle: id, displayName: 'Somebody' };
}

test.each<[string, (directory: Directory, user: User) => Promise<unknown>]>([
  ['id', ({ findByIds }, { id }) => findByIds([id])],
  ['handle', ({ findByHandles }, { handle }) => findByHandles([handle])],
  ['subject', ({ findBySubject }, { id }) => findBySubject(id)],
])('whoever was found by %s is known for a minute, and no longer', async (_, find) => {
  const ann = someone();
  const { clock, remembering } = aDirectory([ann]);

  const before = remembering.known(ann.id);
  await find(remembering, ann);
  clock.time += KNOWN_MS;
  const inTime = remembering.known(ann.id);
  clock.time += 1;

  expect(before).toBeUndefined();
  expect(inTime).toEqual(ann);
  expect(remembering.known(ann.id)).toBeUndefined();
});

test('the age counts from the question, however late the answer', async () => {
  const ann = someone();
  const { clock, directory } = aDirectory([ann]);
  const late = rememberPeople(
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
  clock.time += KNOWN_MS - 900;
  const inTime = late.known(ann.id);
  clock.time += 1;

  expect(inTime).toEqual(ann);
  expect(late.known(ann.id)).toBeUndefined();
});

test('reading does not keep anybody known for longer', async () => {
  const ann = someone();
  const { clock, remembering } = aDirectory([ann]);
  await remembering.findByIds([ann.id]);

  clock.time += KNOWN_MS / 2;
  expect(remembering.known(ann.id)).toEqual(ann);
  clock.time += KNOWN_MS / 2 + 1;

  expect(remembering.known(ann.id)).toBeUndefined();
});

test('nobody is known where the directory has nobody, or does not answer', async () => {
  const { clock, directory, remembering } = aDirectory([]);
  const failing = rememberPeople(
    { ...directory, findByIds: () => Promise.reject(new UnavailableError('No answer')) },
    clock,
  );
  const id = randomUUID();

  expect(await remembering.findByIds([id])).toEqual([]);
  expect(await remembering.findBySubject(id)).toBeUndefined();
  await expect(failing.findByIds([id])).rejects.toThrow(UnavailableError);

  expect([remembering.known(id), failing.known(id)]).toEqual([undefined, undefined]);
});

test('no more people are known than there is room for: who was needed longest ago makes way', async () => {
  const [first, second, ...others] = Array.from({ length: KNOWN_PEOPLE }, someone) as [User, User, ...User[]];
  const one = someone();
  const { clock, directory } = aDirectory([one]);
  const full = rememberPeople({ ...directory, findByIds: async () => [first, second, ...others] }, clock);
  await full.findByIds([]);

  const before = [full.known(second.id), full.known(first.id)];
  await full.findBySubject(one.id);
  await full.findByHandles([one.handle]);

  expect(before).toEqual([second, first]);
  expect([full.known(one.id), full.known(first.id), full.known(second.id)]).toEqual([one, first, second]);
  expect(others.filter(({ id }) => full.known(id))).toEqual(others.slice(1));
});
