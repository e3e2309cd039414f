import { expect } from 'vitest';
import { anApi, type TestApi, type TestApiOptions } from './api.ts';
import { listMessages, type MessageNode, send } from './operations.ts';
import type { Person } from './people.ts';

/** What nobody, a stranger and a member get at each field of the schema. */

/** When everything happens: far off, so that no engine takes a sent-before record for expired and removes it. */
const AT = '2099-03-01T09:30:00.000Z';

/** A conversation of Ann and Ben, of which Ben has read all but the last; Cyd is in the directory, but not a member. */
export interface Conversation {
  readonly api: TestApi;
  readonly ann: Person;
  readonly ben: Person;
  readonly cyd: Person;
  readonly messageGroupId: string;
  /** Newest first. */
  readonly messages: readonly [MessageNode, MessageNode, MessageNode];
  /** Ben's, of each message. */
  readonly cursors: readonly string[];
}

export async function aConversation(options: TestApiOptions = {}): Promise<Conversation> {
  const api = await anApi({ now: () => Date.parse(AT), ...options });
  const [ann, ben, cyd] = await api.people(3);
  const first = await send(api, ann, { recipientHandles: [ben.handle] }, 'Ann’s first secret');
  const { messageGroupId } = first;
  const second = await send(api, ben, { messageGroupId }, 'Ben’s secret', 'ben-1');
  const third = await send(api, ann, { messageGroupId }, 'Ann’s last secret', 'ann-1');
  await api.ask(ben, markRead(2, 'userErrors { code }'), { group: messageGroupId });
  const { edges } = await listMessages(api, ben, { messageGroupId });
  return {
    api,
    ann,
    ben,
    cyd,
    messageGroupId,
    messages: [third.message, second.message, first.message],
    cursors: edges.map(({ cursor }) => cursor),
  };
}

export interface AccessCase {
  readonly query: string;
  /** Ben's whole reply. */
  readonly member: (conversation: Conversation) => object;
  /** Cyd's whole reply. */
  readonly stranger: (conversation: Conversation) => object;
}

/** The variables that all cases draw on. */
export function accessVariables({ messageGroupId, ann }: Conversation): object {
  return { group: messageGroupId, handle: ann.handle };
}

type Expected = (conversation: Conversation) => unknown;

const openUser = ({ id, handle, displayName }: Person) => ({ id, handle, displayName });

/** Of the user error that a stranger gets. */
const CODE = { code: 'MESSAGE_GROUP_NOT_FOUND' };
const SENTENCE = { message: 'There is no such message group.' };

function notFound(field: string): object {
  return {
    data: { [field]: null },
    errors: [
      {
        ...SENTENCE,
        locations: expect.any(Array),
        path: [field],
        extensions: { code: 'NOT_FOUND' },
      },
    ],
  };
}

function markRead(sequence: number, selection: string): string {
  return `mutation ($group: ID!) {
    markMessageGroupRead(input: { messageGroupId: $group, sequence: ${sequence} }) { ${selection} }
  }`;
}

/** Public to all who are signed in. */
function onUser(selection: string, user: Expected): AccessCase {
  const reply = (conversation: Conversation) => ({ data: { user: user(conversation) } });
  return {
    query: `query ($handle: String!) { user(handle: $handle) { ${selection} } }`,
    member: reply,
    stranger: reply,
  };
}

function onMessageGroup(selection: string, member: Expected): AccessCase {
  return {
    query: `query ($group: ID!) { messageGroup(id: $group) { ${selection} } }`,
    member: (conversation) => ({ data: { messageGroup: member(conversation) } }),
    stranger: () => notFound('messageGroup'),
  };
}

/** The two newest of the three messages. */
function onMessages(selection: string, member: Expected): AccessCase {
  return {
    query: `query ($group: ID!) { messages(messageGroupId: $group, first: 2) { ${selection} } }`,
    member: (conversation) => ({ data: { messages: member(conversation) } }),
    stranger: () => notFound('messages'),
  };
}

function onMessageNodes(selection: string, member: (message: MessageNode, conversation: Conversation) => unknown) {
  return onMessages(`edges { node { ${selection} } }`, (conversation) => ({
    edges: conversation.messages.slice(0, 2).map((message) => ({ node: member(message, conversation) })),
  }));
}

/** A stranger has a list of their own, which is empty. */
function onMessageGroups(selection: string, member: Expected, stranger: object): AccessCase {
  return {
    query: `{ messageGroups { ${selection} } }`,
    member: (conversation) => ({ data: { messageGroups: member(conversation) } }),
    stranger: () => ({ data: { messageGroups: stranger } }),
  };
}

function onCreateMessage(body: string, selection: string, member: Expected, stranger: object): AccessCase {
  return {
    query: `mutation ($group: ID!) {
      createMessage(input: { to: { messageGroupId: $group }, body: "${body}" }) { ${selection} }
    }`,
    member: (conversation) => ({ data: { createMessage: member(conversation) } }),
    stranger: () => ({ data: { createMessage: stranger } }),
  };
}

function onMarkMessageGroupRead(sequence: number, selection: string, member: Expected, stranger: object): AccessCase {
  return {
    query: markRead(sequence, selection),
    member: (conversation) => ({ data: { markMessageGroupRead: member(conversation) } }),
    stranger: () => ({ data: { markMessageGroupRead: stranger } }),
  };
}

export const ACCESS_CASES: Readonly<Record<string, AccessCase>> = {
  'Query.viewer': {
    query: '{ viewer { id handle displayName } }',
    member: ({ ben }) => ({ data: { viewer: openUser(ben) } }),
    stranger: ({ cyd }) => ({ data: { viewer: openUser(cyd) } }),
  },
  'Query.user': onUser('id handle displayName', ({ ann }) => openUser(ann)),
  'Query.users': {
    query: '{ users(search: "no_such_prefix_of_anyone") { id handle displayName } }',
    member: () => ({ data: { users: [] } }),
    stranger: () => ({ data: { users: [] } }),
  },
  // Each has their own group with Ann, or none.
  'Query.messageGroupWith': {
    query: 'query ($handle: String!) { messageGroupWith(handles: [$handle]) { id lastMessage { body } } }',
    member: ({ messageGroupId, messages }) => ({
      data: { messageGroupWith: { id: messageGroupId, lastMessage: { body: messages[0].body } } },
    }),
    stranger: () => ({ data: { messageGroupWith: null } }),
  },
  'Query.messageGroup': onMessageGroup('id', ({ messageGroupId }) => ({ id: messageGroupId })),
  'Query.messageGroups': onMessageGroups(
    'edges { node { id } }',
    ({ messageGroupId }) => ({ edges: [{ node: { id: messageGroupId } }] }),
    { edges: [] },
  ),
  'Query.messages': onMessages('edges { node { id } }', ({ messages }) => ({
    edges: messages.slice(0, 2).map(({ id }) => ({ node: { id } })),
  })),

  'Mutation.createMessage': onCreateMessage(
    'hi',
    'message { sequence body } userErrors { code message path }',
    () => ({ message: { sequence: 4, body: 'hi' }, userErrors: [] }),
    {
      message: null,
      userErrors: [{ ...CODE, ...SENTENCE, path: ['input', 'to', 'messageGroupId'] }],
    },
  ),
  'Mutation.markMessageGroupRead': onMarkMessageGroupRead(
    3,
    'messageGroup { readSequence } userErrors { code message path }',
    () => ({ messageGroup: { readSequence: 3 }, userErrors: [] }),
    {
      messageGroup: null,
      userErrors: [{ ...CODE, ...SENTENCE, path: ['input', 'messageGroupId'] }],
    },
  ),

  'User.id': onUser('id', ({ ann }) => ({ id: ann.id })),
  'User.handle': onUser('handle', ({ ann }) => ({ handle: ann.handle })),
  'User.displayName': onUser('displayName', ({ ann }) => ({ displayName: ann.displayName })),

  'MessageGroup.id': onMessageGroup('id', ({ messageGroupId }) => ({ id: messageGroupId })),
  'MessageGroup.kind': onMessageGroup('kind', () => ({ kind: 'DIRECT' })),
  'MessageGroup.members': onMessageGroup('members { id handle displayName }', ({ ann, ben }) => ({
    members: [openUser(ann), openUser(ben)].sort((one, other) => (one.id < other.id ? -1 : 1)),
  })),
  'MessageGroup.lastMessage': onMessageGroup('lastMessage { id sequence body createdAt }', ({ messages }) => ({
    lastMessage: messages[0],
  })),
  'MessageGroup.messageCount': onMessageGroup('messageCount', () => ({ messageCount: 3 })),
  'MessageGroup.readSequence': onMessageGroup('readSequence', () => ({ readSequence: 2 })),
  'MessageGroup.unreadCount': onMessageGroup('unreadCount', () => ({ unreadCount: 1 })),
  'MessageGroup.createdAt': onMessageGroup('createdAt', () => ({ createdAt: AT })),

  'MessageGroupConnection.edges': onMessageGroups(
    'edges { node { createdAt } }',
    () => ({ edges: [{ node: { createdAt: AT } }] }),
    { edges: [] },
  ),
  'MessageGroupConnection.pageInfo': onMessageGroups(
    'pageInfo { hasNextPage hasPreviousPage startCursor endCursor }',
    () => ({
      pageInfo: {
        hasNextPage: false,
        hasPreviousPage: false,
        startCursor: expect.any(String),
        endCursor: expect.any(String),
      },
    }),
    { pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null } },
  ),
  'MessageGroupEdge.cursor': onMessageGroups('edges { cursor }', () => ({ edges: [{ cursor: expect.any(String) }] }), {
    edges: [],
  }),
  'MessageGroupEdge.node': onMessageGroups(
    'edges { node { members { id } } }',
    ({ ann, ben }) => ({ edges: [{ node: { members: [ann.id, ben.id].sort().map((id) => ({ id })) } }] }),
    { edges: [] },
  ),

  'MarkMessageGroupReadPayload.messageGroup': onMarkMessageGroupRead(
    3,
    'messageGroup { id unreadCount }',
    ({ messageGroupId }) => ({ messageGroup: { id: messageGroupId, unreadCount: 0 } }),
    { messageGroup: null },
  ),
  'MarkMessageGroupReadPayload.userErrors': onMarkMessageGroupRead(
    3,
    'userErrors { code }',
    () => ({ userErrors: [] }),
    { userErrors: [CODE] },
  ),
  'MarkMessageGroupReadError.code': onMarkMessageGroupRead(
    4,
    'userErrors { code }',
    () => ({ userErrors: [{ code: 'SEQUENCE_OUT_OF_RANGE' }] }),
    { userErrors: [CODE] },
  ),
  'MarkMessageGroupReadError.message': onMarkMessageGroupRead(
    4,
    'userErrors { message }',
    () => ({ userErrors: [{ message: 'The sequence must be 0 to 3.' }] }),
    { userErrors: [SENTENCE] },
  ),
  'MarkMessageGroupReadError.path': onMarkMessageGroupRead(
    4,
    'userErrors { path }',
    () => ({ userErrors: [{ path: ['input', 'sequence'] }] }),
    { userErrors: [{ path: ['input', 'messageGroupId'] }] },
  ),

  'Message.id': onMessageNodes('id', ({ id }) => ({ id })),
  'Message.sequence': onMessageNodes('sequence', ({ sequence }) => ({ sequence })),
  'Message.body': onMessageNodes('body', ({ body }) => ({ body })),
  'Message.preview': onMessageNodes('preview', ({ body }) => ({ preview: body })),
  'Message.messageGroupId': onMessageNodes('messageGroupId', (_, { messageGroupId }) => ({ messageGroupId })),
  // The newest is Ann's, whose own clientMessageId Ben does not see.
  'Message.clientMessageId': onMessageNodes('clientMessageId', ({ sequence }) => ({
    clientMessageId: sequence === 2 ? 'ben-1' : null,
  })),
  'Message.createdAt': onMessageNodes('createdAt', () => ({ createdAt: AT })),
  'Message.sender': onMessageNodes('sender { id handle displayName }', ({ sequence }, { ann, ben }) => ({
    sender: openUser(sequence === 2 ? ben : ann),
  })),

  'MessageConnection.edges': onMessages('edges { node { sequence } }', () => ({
    edges: [{ node: { sequence: 3 } }, { node: { sequence: 2 } }],
  })),
  'MessageConnection.pageInfo': onMessages(
    'pageInfo { hasNextPage hasPreviousPage startCursor endCursor }',
    ({ cursors }) => ({
      pageInfo: { hasNextPage: true, hasPreviousPage: false, startCursor: cursors[0], endCursor: cursors[1] },
    }),
  ),
  'MessageEdge.cursor': onMessages('edges { cursor }', ({ cursors }) => ({
    edges: [{ cursor: cursors[0] }, { cursor: cursors[1] }],
  })),
  'MessageEdge.node': onMessages('edges { node { body } }', ({ messages }) => ({
    edges: messages.slice(0, 2).map(({ body }) => ({ node: { body } })),
  })),
  'PageInfo.hasNextPage': onMessages('pageInfo { hasNextPage }', () => ({ pageInfo: { hasNextPage: true } })),
  'PageInfo.hasPreviousPage': onMessages('pageInfo { hasPreviousPage }', () => ({
    pageInfo: { hasPreviousPage: false },
  })),
  'PageInfo.startCursor': onMessages('pageInfo { startCursor }', ({ cursors }) => ({
    pageInfo: { startCursor: cursors[0] },
  })),
  'PageInfo.endCursor': onMessages('pageInfo { endCursor }', ({ cursors }) => ({
    pageInfo: { endCursor: cursors[1] },
  })),

  'CreateMessagePayload.message': onCreateMessage(
    'hi',
    'message { sequence body sender { handle } }',
    ({ ben }) => ({ message: { sequence: 4, body: 'hi', sender: { handle: ben.handle } } }),
    { message: null },
  ),
  'CreateMessagePayload.messageGroup': onCreateMessage(
    'hi',
    'messageGroup { id messageCount readSequence }',
    ({ messageGroupId }) => ({ messageGroup: { id: messageGroupId, messageCount: 4, readSequence: 4 } }),
    { messageGroup: null },
  ),
  'CreateMessagePayload.deduplicated': onCreateMessage('hi', 'deduplicated', () => ({ deduplicated: false }), {
    deduplicated: false,
  }),
  'CreateMessagePayload.userErrors': onCreateMessage('hi', 'userErrors { code }', () => ({ userErrors: [] }), {
    userErrors: [CODE],
  }),
  'CreateMessageError.code': onCreateMessage(
    ' ',
    'userErrors { code }',
    () => ({ userErrors: [{ code: 'BODY_BLANK' }] }),
    { userErrors: [CODE, { code: 'BODY_BLANK' }] },
  ),
  'CreateMessageError.message': onCreateMessage(
    ' ',
    'userErrors { message }',
    () => ({ userErrors: [{ message: 'Write something to send.' }] }),
    { userErrors: [SENTENCE, { message: 'Write something to send.' }] },
  ),
  'CreateMessageError.path': onCreateMessage(
    ' ',
    'userErrors { path }',
    () => ({ userErrors: [{ path: ['input', 'body'] }] }),
    { userErrors: [{ path: ['input', 'to', 'messageGroupId'] }, { path: ['input', 'body'] }] },
  ),
};
