import { expect, test } from 'vitest';
import { anApi, type TestApi, useApi } from '../support/api.ts';
import { listMessages, MESSAGES, send, startGroup } from '../support/operations.ts';

useApi();

/** A group of two with this many messages. */
async function aLog(api: TestApi, length: number) {
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people, '1');
  for (let sequence = 2; sequence <= length; sequence += 1)
    await send(api, people[0], { messageGroupId }, `${sequence}`);
  return { reader: people[1], messageGroupId };
}

function sequences({ edges }: { edges: readonly { node: { sequence: number } }[] }): number[] {
  return edges.map(({ node }) => node.sequence);
}

test('A: pages run newest first towards older, and say where the list ends', async () => {
  const api = await anApi();
  const { reader, messageGroupId } = await aLog(api, 7);

  const first = await listMessages(api, reader, { messageGroupId, first: 3 });
  const second = await listMessages(api, reader, { messageGroupId, first: 3, after: first.pageInfo.endCursor ?? '' });
  const third = await listMessages(api, reader, { messageGroupId, first: 3, after: second.pageInfo.endCursor ?? '' });
  const past = await listMessages(api, reader, { messageGroupId, first: 3, after: third.pageInfo.endCursor ?? '' });

  expect([first, second, third, past].map(sequences)).toEqual([[7, 6, 5], [4, 3, 2], [1], []]);
  expect([first, second, third, past].map(({ pageInfo }) => [pageInfo.hasNextPage, pageInfo.hasPreviousPage])).toEqual([
    [true, false],
    [true, true],
    [false, true],
    [false, true],
  ]);
  expect(first.pageInfo).toMatchObject({ startCursor: first.edges[0]?.cursor, endCursor: first.edges[2]?.cursor });
  expect(past.pageInfo).toMatchObject({ startCursor: null, endCursor: null });
});

test('A page that ends with message 1 has no next page, also when it is full', async () => {
  const api = await anApi();
  const { reader, messageGroupId } = await aLog(api, 3);

  const page = await listMessages(api, reader, { messageGroupId, first: 3 });

  expect(sequences(page)).toEqual([3, 2, 1]);
  expect(page.pageInfo.hasNextPage).toBe(false);
});

test('A’: a poll gives the messages right after the cursor, newest first, until none is left', async () => {
  const api = await anApi();
  const { reader, messageGroupId } = await aLog(api, 7);
  const all = await listMessages(api, reader, { messageGroupId });
  const cursorOf2 = all.edges[5]?.cursor ?? '';

  const first = await listMessages(api, reader, { messageGroupId, last: 3, before: cursorOf2 });
  const second = await listMessages(api, reader, { messageGroupId, last: 3, before: first.pageInfo.startCursor ?? '' });
  const third = await listMessages(api, reader, { messageGroupId, last: 3, before: second.pageInfo.startCursor ?? '' });

  expect([first, second, third].map(sequences)).toEqual([[5, 4, 3], [7, 6], []]);
  expect([first, second, third].map(({ pageInfo }) => [pageInfo.hasPreviousPage, pageInfo.hasNextPage])).toEqual([
    [true, true],
    [false, true],
    [false, true],
  ]);
});

test('a page has 20 messages unless asked otherwise, and at most 100', async () => {
  const api = await anApi();
  const { reader, messageGroupId } = await aLog(api, 22);
  const { edges } = await listMessages(api, reader, { messageGroupId });

  const polled = await listMessages(api, reader, { messageGroupId, before: edges.at(-1)?.cursor ?? '' });
  const most = await listMessages(api, reader, { messageGroupId, first: 100 });

  expect(edges).toHaveLength(20);
  expect(sequences(polled)).toEqual(sequences({ edges: edges.slice(0, 19) }));
  expect(most.edges).toHaveLength(22);
});

test.each([
  ['first: 0', { first: 0 }],
  ['first: -1', { first: -1 }],
  ['first: 101', { first: 101 }],
  ['last: 0', { last: 0, before: 'CURSOR' }],
  ['last: 101', { last: 101, before: 'CURSOR' }],
  ['last without before', { last: 5 }],
  ['first with before', { first: 5, before: 'CURSOR' }],
  ['last with after', { last: 5, after: 'CURSOR' }],
  ['both directions', { first: 5, after: 'CURSOR', last: 5, before: 'CURSOR' }],
  ['first and last', { first: 5, last: 5 }],
  ['after and before', { after: 'CURSOR', before: 'CURSOR' }],
  ['an empty cursor', { after: '' }],
  ['a made-up cursor', { after: 'bm90IGEgY3Vyc29y' }],
  ['a cursor with a letter changed', { after: 'CHANGED' }],
  ['a cursor cut short', { after: 'SHORT' }],
  ['a cursor of another group', { before: 'FOREIGN' }],
  ['a cursor of the inbox', { after: 'INBOX' }],
])('%s is refused', async (_, page) => {
  const api = await anApi();
  const [ann, ben, cyd] = await api.people(3);
  const messageGroupId = await startGroup(api, [ann, ben]);
  const foreignGroupId = await startGroup(api, [ann, cyd]);
  const cursor = (await listMessages(api, ann, { messageGroupId })).pageInfo.startCursor ?? '';
  const inbox = await api.ask(ann, '{ messageGroups { edges { cursor } } }');
  const cursors: Record<string, string> = {
    CURSOR: cursor,
    CHANGED: `${cursor.startsWith('A') ? 'B' : 'A'}${cursor.slice(1)}`,
    SHORT: cursor.slice(0, -1),
    FOREIGN: (await listMessages(api, ann, { messageGroupId: foreignGroupId })).pageInfo.startCursor ?? '',
    INBOX: inbox.messageGroups.edges[0].cursor,
  };
  const args = Object.fromEntries(
    Object.entries(page).map(([name, value]) => [name, typeof value === 'string' ? (cursors[value] ?? value) : value]),
  );

  const { data, errors } = await api.reply(ann, MESSAGES, { messageGroupId, ...args });

  expect(data).toEqual({ messages: null });
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' }, path: ['messages'] }]);
});

test('null arguments are the same as absent ones', async () => {
  const api = await anApi();
  const { reader, messageGroupId } = await aLog(api, 2);

  const { messages } = await api.ask(reader, MESSAGES, {
    messageGroupId,
    first: null,
    after: null,
    last: null,
    before: null,
  });

  expect(sequences(messages)).toEqual([2, 1]);
});
