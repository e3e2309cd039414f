import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { anApi, useApi } from '../support/api.ts';
import { createMessage, listMessages, send, startGroup } from '../support/operations.ts';

useApi();

test('the same clientMessageId 20 times at once, and again later, is one message', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const [ann] = people;
  const messageGroupId = await startGroup(api, people);
  const clientMessageId = randomUUID();

  const atOnce = await Promise.all(
    Array.from({ length: 20 }, () => send(api, ann, { messageGroupId }, 'once', clientMessageId)),
  );
  const later = await send(api, ann, { messageGroupId }, 'once', clientMessageId);

  expect(new Set([...atOnce, later].map(({ message }) => message.id)).size).toBe(1);
  expect(atOnce.filter(({ deduplicated }) => !deduplicated)).toHaveLength(1);
  expect(later.deduplicated).toBe(true);
  const { edges } = await listMessages(api, ann, { messageGroupId });
  expect(edges.map(({ node }) => node.body)).toEqual(['once', 'hello']);
});

test('the same clientMessageId with another body is refused and sends nothing', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const [ann] = people;
  const messageGroupId = await startGroup(api, people);
  await send(api, ann, { messageGroupId }, 'one', 'my-id');

  const payload = await createMessage(api, ann, { messageGroupId }, 'another', 'my-id');

  expect(payload).toMatchObject({
    message: null,
    messageGroup: null,
    deduplicated: false,
    userErrors: [{ code: 'CLIENT_MESSAGE_ID_REUSED', path: ['input', 'clientMessageId'] }],
  });
  const { edges } = await listMessages(api, ann, { messageGroupId });
  expect(edges.map(({ node }) => node.body)).toEqual(['one', 'hello']);
});

test('a clientMessageId is the sender’s own: another member’s equal one is another message', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const [ann, ben] = people;
  const messageGroupId = await startGroup(api, people);

  await send(api, ann, { messageGroupId }, 'from ann', 'same');
  const fromBen = await send(api, ben, { messageGroupId }, 'from ben', 'same');

  expect(fromBen).toMatchObject({ deduplicated: false, message: { sequence: 3 } });
});

test('after 24 hours a clientMessageId is free again, whether or not the record was removed', async () => {
  let now = Date.parse('2026-03-01T09:30:00.000Z');
  const api = await anApi({ now: () => now });
  const people = await api.people(2);
  const [ann] = people;
  const messageGroupId = await startGroup(api, people);
  const first = await send(api, ann, { messageGroupId }, 'again', 'my-id');

  now += 24 * 60 * 60 * 1000 - 1000;
  const within = await send(api, ann, { messageGroupId }, 'again', 'my-id');
  now += 1000;
  const after = await send(api, ann, { messageGroupId }, 'again', 'my-id');

  expect(within).toMatchObject({ deduplicated: true, message: { id: first.message.id } });
  expect(after).toMatchObject({ deduplicated: false, message: { sequence: 3 } });
});

test('starting a group with a clientMessageId 20 times at once starts one group with one message', async () => {
  const api = await anApi();
  const [ann, ben] = await api.people(2);
  const to = { recipientHandles: [ben.handle] };

  const sent = await Promise.all(Array.from({ length: 20 }, () => send(api, ann, to, 'hi', 'first-words')));

  expect(new Set(sent.map(({ messageGroupId }) => messageGroupId)).size).toBe(1);
  expect(new Set(sent.map(({ message }) => message.id)).size).toBe(1);
  expect(sent.filter(({ deduplicated }) => !deduplicated)).toHaveLength(1);
});

test('a deduplicated reply shows the message as it was sent and the group as it is now', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const [ann, ben] = people;
  const messageGroupId = await startGroup(api, people);
  const first = await send(api, ann, { messageGroupId }, 'mine', 'my-id');
  await send(api, ben, { messageGroupId }, 'and then');

  const again = await createMessage(api, ann, { messageGroupId }, 'mine', 'my-id');

  expect(again).toMatchObject({ deduplicated: true, message: first.message, messageGroup: { messageCount: 3 } });
});
