import { expect, test } from 'vitest';
import { anApi, useApi } from '../support/api.ts';
import { timeout } from '../support/faults.ts';
import { listMessages, send, startGroup } from '../support/operations.ts';

useApi();

const INBOX = '{ messageGroups { edges { node { unreadCount messageCount lastMessage { body } } } } }';

test('a sender’s inbox shows each message at once, without the worker', async () => {
  const api = await anApi();
  const [ann, ben] = await api.people(2);
  const messageGroupId = await startGroup(api, [ann, ben]);

  for (let count = 2; count <= 16; count += 1) {
    await send(api, ben, { messageGroupId }, `message ${count}`);

    const { messageGroups } = await api.ask(ben, INBOX);
    expect(messageGroups.edges).toEqual([
      { node: { unreadCount: 0, messageCount: count, lastMessage: { body: `message ${count}` } } },
    ]);
  }
});

test('a message that is sent again shows in the sender’s inbox, if the first attempt did not get so far', async () => {
  const api = await anApi();
  const [ann, ben] = await api.people(2);
  const messageGroupId = await startGroup(api, [ann, ben]);
  const { call } = api.table;
  Object.assign(api.table, {
    call: (...[operation, ...rest]: Parameters<typeof call>) =>
      operation === 'UpdateItem' ? Promise.reject(timeout()) : call(operation, ...rest),
  });
  await send(api, ben, { messageGroupId }, 'once', 'my-id');
  Object.assign(api.table, { call });

  const { deduplicated } = await send(api, ben, { messageGroupId }, 'once', 'my-id');

  const { messageGroups } = await api.ask(ben, INBOX);
  expect(deduplicated).toBe(true);
  expect(messageGroups.edges).toMatchObject([{ node: { messageCount: 2, lastMessage: { body: 'once' } } }]);
});

test('a mark shows in the reader’s inbox at once', async () => {
  const api = await anApi();
  const [ann, ben] = await api.people(2);
  const messageGroupId = await startGroup(api, [ann, ben]);

  await api.ask(
    ben,
    `mutation { markMessageGroupRead(input: { messageGroupId: "${messageGroupId}", sequence: 1 }) { userErrors { code } } }`,
  );

  const { messageGroups } = await api.ask(ben, INBOX);
  expect(messageGroups.edges[0].node.unreadCount).toBe(0);
});

test.each([
  ['fails', (): Promise<never> => Promise.reject(timeout())],
  ['does not answer', (): Promise<never> => new Promise(() => {})],
])('a message is sent although the update of the sender’s summary %s', async (_, outcome) => {
  const api = await anApi();
  const [ann, ben] = await api.people(2);
  const messageGroupId = await startGroup(api, [ann, ben]);
  const { call } = api.table;
  Object.assign(api.table, {
    call: (...[operation, ...rest]: Parameters<typeof call>) =>
      operation === 'UpdateItem' ? outcome() : call(operation, ...rest),
  });

  const message = await send(api, ben, { messageGroupId }, 'sent all the same');

  expect(message).toBeDefined();
  const { edges } = await listMessages(api, ann, { messageGroupId });
  expect(edges.map(({ node }) => node.body)).toEqual(['sent all the same', expect.anything()]);
});
