import { normalizeId } from '../../src/messaging/ids.ts';
import { encodeCursor, messagesList } from '../../src/table/cursors.ts';
import type { Conversation } from './access-cases.ts';
import { CREATE_MESSAGE, MESSAGES } from './operations.ts';

/** What a stranger tries with a group's id, and with cursors of the group's list. */
export interface Attempt {
  readonly query: string;
  readonly variables: (messageGroupId: string, cursors: Cursors) => object;
}

interface Cursors {
  readonly newest: string;
  readonly oldest: string;
}

const MESSAGE_GROUP =
  'query ($id: ID!) { messageGroup(id: $id) { id readSequence members { id } lastMessage { id } } }';
const MARK_READ = `mutation ($input: MarkMessageGroupReadInput!) {
  markMessageGroupRead(input: $input) { messageGroup { id } userErrors { code message path } }
}`;

function into(messageGroupId: string, body: string, clientMessageId?: string): object {
  return { input: { to: { messageGroupId }, body, clientMessageId } };
}

export const ATTEMPTS: Readonly<Record<string, Attempt>> = {
  messageGroup: { query: MESSAGE_GROUP, variables: (id) => ({ id }) },
  messages: { query: MESSAGES, variables: (messageGroupId) => ({ messageGroupId }) },
  'messages with a page size': { query: MESSAGES, variables: (messageGroupId) => ({ messageGroupId, first: 2 }) },
  'messages with the largest page': {
    query: MESSAGES,
    variables: (messageGroupId) => ({ messageGroupId, first: 100 }),
  },
  'messages older than a cursor': {
    query: MESSAGES,
    variables: (messageGroupId, { newest }) => ({ messageGroupId, first: 1, after: newest }),
  },
  'messages older than the oldest': {
    query: MESSAGES,
    variables: (messageGroupId, { oldest }) => ({ messageGroupId, after: oldest }),
  },
  'a poll where nothing is new': {
    query: MESSAGES,
    variables: (messageGroupId, { newest }) => ({ messageGroupId, before: newest }),
  },
  'a poll where something is new': {
    query: MESSAGES,
    variables: (messageGroupId, { oldest }) => ({ messageGroupId, last: 10, before: oldest }),
  },
  'a poll where more is new than fits': {
    query: MESSAGES,
    variables: (messageGroupId, { oldest }) => ({ messageGroupId, last: 1, before: oldest }),
  },
  createMessage: { query: CREATE_MESSAGE, variables: (id) => into(id, 'hi') },
  'createMessage with a blank body': { query: CREATE_MESSAGE, variables: (id) => into(id, ' ') },
  'createMessage with a clientMessageId': { query: CREATE_MESSAGE, variables: (id) => into(id, 'hi', 'cyd-1') },
  'createMessage with a member’s clientMessageId': {
    query: CREATE_MESSAGE,
    variables: (id) => into(id, 'Ben’s secret', 'ben-1'),
  },
  'markMessageGroupRead in range': {
    query: MARK_READ,
    variables: (messageGroupId) => ({ input: { messageGroupId, sequence: 3 } }),
  },
  'markMessageGroupRead below the range': {
    query: MARK_READ,
    variables: (messageGroupId) => ({ input: { messageGroupId, sequence: -1 } }),
  },
  'markMessageGroupRead past the range': {
    query: MARK_READ,
    variables: (messageGroupId) => ({ input: { messageGroupId, sequence: 4 } }),
  },
};

/** Cyd's answers: by POST, and for a query also by GET. */
export async function strangersAnswers(conversation: Conversation, attempt: Attempt, id: string) {
  const { api, cyd } = conversation;
  const { query } = attempt;
  const given = variablesOf(conversation, attempt, id);
  const posted = await answer(await api.post(cyd, query, given));
  if (!query.startsWith('query')) return [posted];
  const parameters = new URLSearchParams({ query, variables: JSON.stringify(given) });
  const got = await fetch(`${api.url}?${parameters}`, {
    headers: { authorization: `Bearer ${await api.issuer.token(cyd.subject)}`, 'apollo-require-preflight': 'true' },
  });
  return [posted, await answer(got)];
}

/** The variables of an attempt at a group. At the real group Cyd has got hold of Ben's own cursors. */
export function variablesOf(real: Conversation, { variables }: Attempt, id: string): object {
  const list = messagesList(normalizeId(id));
  const [newest, , oldest] =
    id === real.messageGroupId ? real.cursors : ['3', '2', '1'].map((at) => encodeCursor(list, at));
  if (!newest || !oldest) throw new Error('The conversation has three messages');
  return variables(id, { newest, oldest });
}

/** All of a response but what tells any two responses apart. */
export async function answer(response: Response) {
  const headers = Object.fromEntries(response.headers);
  delete headers['date'];
  delete headers['x-request-id'];
  return { status: response.status, headers, text: await response.text() };
}
