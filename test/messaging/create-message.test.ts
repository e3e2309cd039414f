import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anApi, useApi } from '../support/api.ts';
import { anyBody, roundTrip } from '../support/bodies.ts';
import { createMessage, listMessages, send, startGroup } from '../support/operations.ts';

useApi();

test('D: a message to people starts their group, and everyone finds it in their inbox', async () => {
  const api = await anApi();
  const [ann, ben, cyd] = await api.people(3);

  const { message, messageGroupId } = await send(api, ann, { recipientHandles: [ben.handle, cyd.handle] }, 'hi all');

  expect(message).toMatchObject({ sequence: 1, body: 'hi all' });
  const inbox =
    '{ messageGroups { edges { node { id kind messageCount unreadCount readSequence lastMessage { body } members { handle } } } } }';
  for (const person of [ann, ben, cyd]) {
    const { messageGroups } = await api.ask(person, inbox);
    expect(messageGroups.edges).toHaveLength(1);
    const { members, ...group } = messageGroups.edges[0].node;
    const read = person === ann ? 1 : 0;
    expect(group).toEqual({
      id: messageGroupId,
      kind: 'GROUP',
      messageCount: 1,
      readSequence: read,
      unreadCount: 1 - read,
      lastMessage: { body: 'hi all' },
    });
    expect(members.map(({ handle }: { handle: string }) => handle).sort()).toEqual(
      [ann, ben, cyd].map(({ handle }) => handle).sort(),
    );
  }
});

test('there is one group for a set of people, whoever writes first and however the handles are spelt', async () => {
  const api = await anApi();
  const [ann, ben, cyd] = await api.people(3);

  const first = await send(api, ann, { recipientHandles: [ben.handle, cyd.handle] });
  const second = await send(api, cyd, { recipientHandles: [ann.handle.toUpperCase(), ben.handle, ben.handle] });
  const other = await send(api, ann, { recipientHandles: [ben.handle] });

  expect(second.messageGroupId).toBe(first.messageGroupId);
  expect(second.message.sequence).toBe(2);
  expect(other.messageGroupId).not.toBe(first.messageGroupId);
});

test('C: the payload is fresh at once: the message is the last one, and its sender has read it', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);

  const { createMessage: payload } = await api.ask(
    people[1],
    `mutation ($id: ID!) {
      createMessage(input: { to: { messageGroupId: $id }, body: "second" }) {
        message { id }
        messageGroup { lastMessage { id body } messageCount readSequence unreadCount createdAt kind }
      }
    }`,
    { id: messageGroupId },
  );

  expect(payload.messageGroup).toMatchObject({
    lastMessage: { id: payload.message.id, body: 'second' },
    messageCount: 2,
    readSequence: 2,
    unreadCount: 0,
    kind: 'DIRECT',
    createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  });
});

test('sending marks as read, also before the worker has seen the message', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const [ann, ben] = people;
  const id = await startGroup(api, people);

  await send(api, ben, { messageGroupId: id });

  const group = `query ($id: ID!) { messageGroup(id: $id) { messageCount readSequence unreadCount } }`;
  expect((await api.ask(ben, group, { id })).messageGroup).toEqual({
    messageCount: 2,
    readSequence: 2,
    unreadCount: 0,
  });
  expect((await api.ask(ann, group, { id })).messageGroup).toEqual({
    messageCount: 2,
    readSequence: 1,
    unreadCount: 1,
  });
});

test('white space at the ends of a body is removed, and what is left reads back unchanged', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);
  const bodies = [
    'a\u0301 combining',
    '👩‍👩‍👧 family',
    'right \u202Eto left',
    'nul \0 inside',
    'line\nbreak',
    '😀'.repeat(1024),
  ];

  for (const body of bodies) await send(api, people[0], { messageGroupId }, ` \n\t${body}\u00a0 `);

  const { edges } = await listMessages(api, people[1], { messageGroupId, first: bodies.length });
  expect(edges.map(({ node }) => node.body).reverse()).toEqual(bodies);
});

test.each([
  ['nothing', '', 'BODY_BLANK'],
  ['white space', ' \n\u2003\ufeff ', 'BODY_BLANK'],
  ['invisible characters', '\u200b\u2060\u00ad', 'BODY_BLANK'],
  ['control characters', '\0\u0007', 'BODY_BLANK'],
  ['a Braille blank', '\u2800', 'BODY_BLANK'],
  ['an annotation without text', '\ufff9\ufffa\ufffb', 'BODY_BLANK'],
  ['1,025 code points', '😀'.repeat(1025), 'BODY_TOO_LONG'],
  ['half of a surrogate pair', 'ok \ud83d', 'BODY_INVALID'],
])('a body of %s is refused and sends nothing', async (_, body, code) => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);

  const payload = await createMessage(api, people[0], { messageGroupId }, body);

  expect(payload).toMatchObject({ message: null, messageGroup: null, userErrors: [{ code, path: ['input', 'body'] }] });
  expect((await listMessages(api, people[0], { messageGroupId })).edges).toHaveLength(1);
});

test('random bodies are stored as they are, or refused for what they are', async () => {
  const api = await anApi();
  const people = await api.people(2);

  await fc.assert(
    fc.asyncProperty(fc.array(anyBody, { minLength: 40, maxLength: 40 }), async (bodies) => {
      await roundTrip(api, people[0], await startGroup(api, people), bodies);
    }),
    { numRuns: 2, includeErrorInReport: true },
  );
});

test('every wrong recipient is reported with its place, along with a wrong body', async () => {
  const api = await anApi();
  const [ann, ben] = await api.people(2);
  const recipientHandles = [ben.handle, 'nobody_here', ann.handle, 'not a handle'];

  const { userErrors } = await createMessage(api, ann, { recipientHandles }, ' ');

  expect(userErrors.map(({ code, path }) => [code, path.join('.')])).toEqual([
    ['RECIPIENT_NOT_FOUND', 'input.to.recipientHandles.1'],
    ['RECIPIENT_IS_SENDER', 'input.to.recipientHandles.2'],
    ['RECIPIENT_NOT_FOUND', 'input.to.recipientHandles.3'],
    ['BODY_BLANK', 'input.body'],
  ]);
});

test('there are 1 to 49 recipients', async () => {
  const api = await anApi();
  const [ann, ...others] = await api.people(51);
  const handles = others.map(({ handle }) => handle);

  const none = await createMessage(api, ann, { recipientHandles: [] });
  const fifty = await createMessage(api, ann, { recipientHandles: handles });
  const fortyNine = await createMessage(api, ann, { recipientHandles: handles.slice(0, 49) });

  expect(none.userErrors).toMatchObject([{ code: 'RECIPIENTS_EMPTY', path: ['input', 'to', 'recipientHandles'] }]);
  expect(fifty.userErrors).toMatchObject([{ code: 'TOO_MANY_RECIPIENTS', path: ['input', 'to', 'recipientHandles'] }]);
  expect(fortyNine).toMatchObject({ userErrors: [], message: { sequence: 1 } });
});

test('a group that is not the sender’s is not found, and gets no message', async () => {
  const api = await anApi();
  const [ann, ben, cyd] = await api.people(3);
  const messageGroupId = await startGroup(api, [ann, ben]);

  const payload = await createMessage(api, cyd, { messageGroupId });

  expect(payload.userErrors).toMatchObject([
    { code: 'MESSAGE_GROUP_NOT_FOUND', path: ['input', 'to', 'messageGroupId'] },
  ]);
  expect((await listMessages(api, ann, { messageGroupId })).edges).toHaveLength(1);
});

test.each([
  ['empty', ''],
  ['of 129 characters', 'x'.repeat(129)],
  ['not valid Unicode', '\ud83d'],
])('a clientMessageId that is %s is the client program’s fault', async (_, clientMessageId) => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);

  const { errors } = await api.reply(
    people[0],
    'mutation ($input: CreateMessageInput!) { createMessage(input: $input) { deduplicated } }',
    { input: { to: { messageGroupId }, body: 'x', clientMessageId } },
  );

  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
});

test.each([
  ['neither', {}],
  ['both', { messageGroupId: randomUUID(), recipientHandles: ['someone'] }],
  ['a null', { messageGroupId: null }],
])('a destination of %s is refused by the schema', async (_, to) => {
  const api = await anApi();
  const [ann] = await api.people(1);

  const { errors, data } = await api.reply(
    ann,
    'mutation ($input: CreateMessageInput!) { createMessage(input: $input) { deduplicated } }',
    { input: { to, body: 'x' } },
  );

  expect(data).toBeUndefined();
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
});
