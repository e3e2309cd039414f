import { expect, test } from 'vitest';
import { anApi, type TestApi, useApi } from '../support/api.ts';
import type { Person } from '../support/people.ts';

useApi();

const USERS =
  'query ($search: String!, $first: Int) { users(search: $search, first: $first) { id handle displayName } }';

function codesOf(reply: Awaited<ReturnType<TestApi['reply']>>): (string | undefined)[] | undefined {
  return reply.errors?.map(({ extensions }) => extensions.code);
}

const openUser = ({ id, handle, displayName }: Person) => ({ id, handle, displayName });

test('a person finds another by the beginning of the handle, and never themselves', async () => {
  const api = await anApi();
  const [ann, ben] = await api.people(2);

  expect((await api.ask(ann, USERS, { search: ben.handle.slice(0, 14).toUpperCase() })).users).toEqual([openUser(ben)]);
  expect((await api.ask(ann, USERS, { search: `person ${ben.handle}`, first: 1 })).users).toEqual([openUser(ben)]);
  expect((await api.ask(ben, USERS, { search: ben.handle })).users).toEqual([]);
  expect(api.calls).toEqual([]);
});

test.each([{ search: 'a' }, { search: 'an', first: 21 }, { search: 'an', first: 0 }])(
  '%j is refused, and the directory is not asked',
  async (variables) => {
    const api = await anApi();
    const [ann] = await api.people(1);
    await api.ask(ann, '{ viewer { id } }');
    api.statements.length = 0;

    expect(codesOf(await api.reply(ann, USERS, variables))).toEqual(['BAD_USER_INPUT']);
    expect(api.statements).toEqual([]);
  },
);

test('searches have a limit of their own, under aliases and in fragments too: n pass, and of n + 1 nothing runs', async () => {
  const api = await anApi({ rateLimits: { searches: 3 } });
  const [ann, ben] = await api.people(2);
  const three = `query { a: users(search: "zz_no") { id } ...F } fragment F on Query { b: users(search: "zz_no") { id } c: users(search: "zz_no") { id } }`;
  await api.ask(ann, three);
  await api.ask(ben, '{ viewer { id } }');
  api.statements.length = 0;

  const response = await api.post(ann, '{ viewer { id } users(search: "zz_no") { id } }');
  const afterRefusal = api.statements.splice(0);
  const otherwise = await api.ask(ann, '{ viewer { handle } }');
  const four = await api.post(ben, `{ ${[1, 2, 3, 4].map((n) => `u${n}: users(search: "zz_no") { id }`).join(' ')} }`);

  expect(response.status).toBe(429);
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(afterRefusal).toEqual([]);
  expect(otherwise.viewer.handle).toBe(ann.handle);
  expect(four.status).toBe(429);
  expect(api.statements).toEqual([]);
});

test.each([
  ['{ users(search: "zz_no", first: 20) { handle } }', 21],
  ['{ users(search: "zz_no") { handle } }', 11],
  ['query ($first: Int) { users(search: "zz_no", first: $first) { handle } }', 11],
])('%s costs %i', async (query, cost) => {
  const api = await anApi({ queryLimits: { cost } });
  const tooLittle = await anApi({ queryLimits: { cost: cost - 1 } });
  const [ann] = await api.people(1);

  expect((await api.post(ann, query)).status).toBe(200);
  expect((await tooLittle.post(ann, query)).status).toBe(400);
});

test('where the search is switched off, it is refused by a code of its own, and all else works', async () => {
  const api = await anApi({ peopleSearch: false });
  const [ann, ben] = await api.people(2);
  await api.ask(ann, '{ viewer { id } }');
  api.statements.length = 0;

  const reply = await api.reply(ann, USERS, { search: ben.handle });
  const statements = api.statements.splice(0);
  const user = await api.ask(ann, 'query ($handle: String!) { user(handle: $handle) { id } }', { handle: ben.handle });

  expect(codesOf(reply)).toEqual(['PEOPLE_SEARCH_OFF']);
  expect(reply.errors?.[0]?.message).toBe('The search for people is switched off.');
  expect(statements).toEqual([]);
  expect(user.user.id).toBe(ben.id);
});
