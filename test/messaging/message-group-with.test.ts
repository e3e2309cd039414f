import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { expect, test } from 'vitest';
import { anApi, type TestApi, useApi } from '../support/api.ts';
import { send, startGroup } from '../support/operations.ts';
import type { Person } from '../support/people.ts';

useApi();

async function groupWith(api: TestApi, viewer: Person, handles: readonly string[]) {
  const query = `query ($handles: [String!]!) {
    messageGroupWith(handles: $handles) { id unreadCount lastMessage { body } }
  }`;
  return (await api.ask(viewer, query, { handles })).messageGroupWith;
}

async function itemCount({ table }: TestApi): Promise<number | undefined> {
  return (await table.client.send(new ScanCommand({ TableName: table.name, ConsistentRead: true }))).Count;
}

test('the group of exactly these people is found, by each of them and in any order and case', async () => {
  const api = await anApi();
  const [ann, ben, cyd] = await api.people(3);
  const pair = await startGroup(api, [ann, ben], 'to ben');
  const three = await startGroup(api, [ann, ben, cyd], 'to both');

  expect(await groupWith(api, ben, [ann.handle])).toEqual({
    id: pair,
    unreadCount: 1,
    lastMessage: { body: 'to ben' },
  });
  expect(await groupWith(api, ann, [cyd.handle.toUpperCase(), ben.handle, cyd.handle])).toEqual({
    id: three,
    unreadCount: 0,
    lastMessage: { body: 'to both' },
  });
  expect(await groupWith(api, cyd, [ben.handle, ann.handle])).toMatchObject({ id: three, unreadCount: 1 });
  expect(await groupWith(api, cyd, [ann.handle])).toBeNull();
});

test('where there is none yet it is null, which starts none; the first message starts it', async () => {
  const api = await anApi();
  const [ann, ben] = await api.people(2);

  const before = [await groupWith(api, ann, [ben.handle]), await groupWith(api, ben, [ann.handle])];
  const items = await itemCount(api);
  const { messageGroupId } = await send(api, ann, { recipientHandles: [ben.handle] });
  const after = await groupWith(api, ben, [ann.handle]);

  expect(before).toEqual([null, null]);
  expect(items).toBe(0);
  expect(after).toMatchObject({ id: messageGroupId });
});

test.each<[string, (viewer: Person, other: Person) => string[]]>([
  ['nobody', () => []],
  ['the viewer alone', (viewer) => [viewer.handle]],
  ['the viewer among others', (viewer, other) => [other.handle, viewer.handle]],
  ['a handle that nobody has', (_, other) => [other.handle, 'nobody_has_this']],
  ['a text that is no handle', (_, other) => [`${other.handle} `]],
  ['50 people', (_, other) => Array.from({ length: 50 }, () => other.handle)],
])('with %s it is null, and the table is not asked', async (_, handlesOf) => {
  const api = await anApi();
  const people = await api.people(2);
  await startGroup(api, people);
  api.calls.length = 0;

  expect(await groupWith(api, people[0], handlesOf(...people))).toBeNull();
  expect(api.calls).toEqual([]);
});

test('a character that JavaScript puts into an ASCII letter is no such letter', async () => {
  const api = await anApi();
  const [ann, ben] = await api.people(2);
  const kelvin = '\u212a';
  const handle = `k_${ben.handle}`.slice(0, 30);
  await api.pool.query('UPDATE users SET handle = $1 WHERE id = $2', [handle, ben.id]);
  const messageGroupId = await startGroup(api, [ann, { ...ben, handle }]);

  expect(await groupWith(api, ann, [handle])).toMatchObject({ id: messageGroupId });
  expect(await groupWith(api, ann, [handle, handle.replace('k', kelvin)])).toBeNull();
});
