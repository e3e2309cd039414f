import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { anApi, type Reply, type TestApi, useApi } from '../support/api.ts';
import type { Person } from '../support/people.ts';

useApi();

const VIEWER = '{ viewer { handle } }';

function hashOf(query: string): string {
  return createHash('sha256').update(query).digest('hex');
}

/** Posts a query's hash, and its text too where it is given. */
async function post(api: TestApi, person: Person | undefined, hash: string, query?: string, variables?: object) {
  const response = await fetch(api.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(person && { authorization: `Bearer ${await api.issuer.token(person.subject)}` }),
    },
    body: JSON.stringify({ query, variables, extensions: { persistedQuery: { version: 1, sha256Hash: hash } } }),
  });
  const { data, errors } = (await response.json()) as Reply;
  return { status: response.status, data, code: errors?.[0]?.extensions.code };
}

const NOT_FOUND = { data: undefined, code: 'PERSISTED_QUERY_NOT_FOUND' };

test('one that was forgotten for others is told to be unknown, and is known again when its text is sent', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);
  const hash = hashOf(VIEWER);
  await post(api, ann, hash, VIEWER);
  const before = await post(api, ann, hash);

  // As long as a body may be: some 20 of them take all the room there is.
  for (let count = 0; count < 30; count += 1) {
    const query = `{ viewer { handle } } # ${String(count).padEnd(90_000)}`;
    expect((await post(api, ann, hashOf(query), query)).status).toBe(200);
  }
  const forgotten = await post(api, ann, hash);
  const again = await post(api, ann, hash, VIEWER);
  const after = await post(api, ann, hash);

  expect(before.data.viewer.handle).toBe(ann.handle);
  expect(forgotten).toMatchObject(NOT_FOUND);
  expect(again.data.viewer.handle).toBe(ann.handle);
  expect(after.data.viewer.handle).toBe(ann.handle);
});

test('nobody has one kept without a valid token', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);
  const stranger = { ...ann, subject: 'nobody’s' };

  const refused = [
    await post(api, undefined, hashOf(VIEWER), VIEWER),
    await post(api, stranger, hashOf(VIEWER), VIEWER),
  ];
  const unknown = await post(api, ann, hashOf(VIEWER));

  expect(refused.map(({ status }) => status)).toEqual([401, 401]);
  expect(unknown).toMatchObject(NOT_FOUND);
});

test.each([
  ['that is no GraphQL', '{'],
  ['that is not of the schema', '{ nothing }'],
  ['that is too deep', `{ viewer ${'{ id '.repeat(12)}${'}'.repeat(12)} }`],
  ['that costs too much', '{ messageGroups(first: 100) { edges { cursor } } }'],
])('one %s is not kept', async (_, query) => {
  const api = await anApi({ queryLimits: { cost: 50 } });
  const [ann] = await api.people(1);

  const refused = await post(api, ann, hashOf(query), query);
  const unknown = await post(api, ann, hashOf(query));

  expect(refused.status).toBe(400);
  expect(unknown).toMatchObject(NOT_FOUND);
});

test('one that is over the person’s limit is not kept', async () => {
  const api = await anApi({ rateLimits: { reads: 1 } });
  const [ann, ben] = await api.people(2);
  await api.post(ann, VIEWER);

  const limited = await post(api, ann, hashOf(VIEWER), VIEWER);
  const unknown = await post(api, ben, hashOf(VIEWER));

  expect(limited.status).toBe(429);
  expect(unknown).toMatchObject(NOT_FOUND);
});
