import { createHash } from 'node:crypto';
import {
  ApolloClient,
  type ApolloLink,
  gql,
  HttpLink,
  InMemoryCache,
  type Reference,
  type TypedDocumentNode,
} from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { relayStylePagination } from '@apollo/client/utilities';
import { expect, onTestFinished, test, vi } from 'vitest';
import { anApi, type TestApi, useApi } from '../support/api.ts';
import {
  type Connection,
  CREATE_MESSAGE,
  type CreateMessagePayload,
  listMessages,
  MESSAGES,
  type MessageNode,
  send,
  startGroup,
} from '../support/operations.ts';
import type { Person } from '../support/people.ts';

useApi();

interface PageVariables {
  readonly messageGroupId: string;
  readonly first?: number | null;
  readonly after?: string | null;
  readonly last?: number | null;
  readonly before?: string | null;
}

const LIST: TypedDocumentNode<{ messages: Connection<MessageNode> }, PageVariables> = gql(MESSAGES);
const SEND: TypedDocumentNode<{ createMessage: CreateMessagePayload }> = gql(CREATE_MESSAGE);

test('fetchMore to the oldest page leaves the complete list in the cache', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await aLongConversation(api, people);
  const list = await watchMessages(await aClient(api, people[0]), messageGroupId);
  const firstPage = list.messages();

  const pageSizes = [];
  while (list.pageInfo().hasNextPage) pageSizes.push(await list.older());

  expect(firstPage.map(({ sequence }) => sequence)).toEqual([23, 22, 21, 20, 19]);
  expect(pageSizes).toEqual([5, 5, 5, 3]);
  const complete = await completeList(api, people[1], messageGroupId);
  expect(list.messages()).toEqual(complete);
  await vi.waitFor(() => expect(list.shown.at(-1)).toEqual(complete.map(({ id }) => id)));
});

test('polls put each message that others send meanwhile at the head exactly once', async () => {
  const api = await anApi();
  const people = await api.people(3);
  const [ann, ben, cyd] = people;
  const messageGroupId = await aLongConversation(api, people);
  const list = await watchMessages(await aClient(api, ann), messageGroupId);
  // More than a poll takes, so that the polls are behind at first.
  for (let count = 1; count <= 5; count += 1) await send(api, ben, { messageGroupId });

  let isSending = true;
  const sending = Promise.all(
    [ben, cyd].map(async (person) => {
      for (let count = 1; count <= 10; count += 1) await send(api, person, { messageGroupId }, `new ${count}`);
    }),
  ).finally(() => {
    isSending = false;
  });
  let isQuiet: boolean;
  do {
    isQuiet = !isSending;
  } while ((await list.newer(3)) > 0 || !isQuiet);
  await sending;

  expect(list.messages().map(({ sequence }) => sequence)).toEqual(Array.from({ length: 30 }, (_, at) => 48 - at));
  while (list.pageInfo().hasNextPage) await list.older();
  expect(list.messages()).toEqual(await completeList(api, ben, messageGroupId));
});

test('a poll that finds nothing leaves the list as it was, and the next one goes on from the same cursor', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await aLongConversation(api, people);
  const list = await watchMessages(await aClient(api, people[0]), messageGroupId);
  const [messages, pageInfo] = [list.messages(), list.pageInfo()];

  const found = await list.newer(3);

  expect(found).toBe(0);
  expect(list.messages()).toEqual(messages);
  expect(list.pageInfo()).toEqual(pageInfo);
  await send(api, people[1], { messageGroupId }, 'at last');
  expect(await list.newer(3)).toBe(1);
  expect(list.messages().map(({ sequence }) => sequence)).toEqual([24, 23, 22, 21, 20, 19]);
});

test('a poll of an operation whose $first has a default says that it is null', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await aLongConversation(api, people);
  const query: typeof LIST = gql(MESSAGES.replace('$first: Int', '$first: Int = 20'));
  const client = await aClient(api, people[0]);
  const list = client.watchQuery({ query, variables: { messageGroupId } });
  const { data } = await client.query({ query, variables: { messageGroupId } });
  const page = { last: 20, before: data?.messages.edges[0]?.cursor ?? null };
  await send(api, people[1], { messageGroupId }, 'new');

  await expect(list.fetchMore({ variables: page })).rejects.toMatchObject({
    errors: [{ extensions: { code: 'BAD_USER_INPUT' } }],
  });
  const polled = await list.fetchMore({ variables: { ...page, first: null } });

  expect(polled.data?.messages.edges.map(({ node }) => node.body)).toEqual(['new']);
});

test('an optimistic message shows at once, and ends as the server’s in its place', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const [ann, ben] = people;
  const messageGroupId = await aLongConversation(api, people);
  const client = await aClient(api, ann);
  const list = await watchMessages(client, messageGroupId);
  // Ann has not polled since, so her own message shows before the one that comes between.
  await send(api, ben, { messageGroupId }, 'in between');

  const sending = sendOptimistically(client, messageGroupId, 'from ann');
  const atOnce = list.messages();
  const sent = await sending;
  const answered = list.messages();
  await list.newer(20);
  const polled = list.messages();
  while (list.pageInfo().hasNextPage) await list.older();

  expect(atOnce.slice(0, 2).map(({ id, body }) => [id, body])).toEqual([
    ['optimistic', 'from ann'],
    [expect.any(String), 'message 23'],
  ]);
  expect(answered.slice(0, 2).map(({ id, sequence }) => [id, sequence])).toEqual([
    [sent.id, 25],
    [expect.any(String), 23],
  ]);
  expect(polled.slice(0, 3).map(({ body }) => body)).toEqual(['from ann', 'in between', 'message 23']);
  expect(list.messages()).toEqual(await completeList(api, ben, messageGroupId));
});

test('paging, polling and sending all at once end in the server’s list', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const [ann, ben] = people;
  const messageGroupId = await aLongConversation(api, people);
  const client = await aClient(api, ann);
  const list = await watchMessages(client, messageGroupId);

  for (const round of [1, 2, 3, 4]) {
    await Promise.all([
      send(api, ben, { messageGroupId }, `from ben ${round}`),
      sendOptimistically(client, messageGroupId, `from ann ${round}`),
      list.newer(2),
      list.older(),
    ]);
  }
  while ((await list.newer(2)) > 0);

  const messages = list.messages();
  expect(messages).toHaveLength(31);
  expect(messages).toEqual(await completeList(api, ben, messageGroupId));
  expect(list.shown.filter((ids) => new Set(ids).size < ids.length)).toEqual([]);
});

test('a persisted query is a GET without the query’s text from the second time on', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);
  const requests: { method: string; parameters: string[]; status: number }[] = [];
  const http = await httpLink(api, people[0], {
    headers: { 'apollo-require-preflight': 'true' },
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      const parameters = [...new URL(String(input)).searchParams.keys()].sort();
      requests.push({ method: init?.method ?? 'GET', parameters, status: response.status });
      return response;
    },
  });
  const persisted = new PersistedQueryLink({
    sha256: (query) => createHash('sha256').update(query).digest('hex'),
    useGETForHashedQueries: true,
  });
  const client = clientOf(persisted.concat(http));
  const ask = () => client.query({ query: LIST, variables: { messageGroupId }, fetchPolicy: 'network-only' });

  const first = await ask();
  const firstRequests = requests.splice(0);
  const second = await ask();

  // The server does not know the hash yet, and is told the text.
  expect(firstRequests.map(({ method }) => method)).toEqual(['GET', 'POST']);
  expect(requests).toEqual([{ method: 'GET', parameters: expect.not.arrayContaining(['query']), status: 200 }]);
  expect(requests[0]?.parameters).toContain('extensions');
  expect(second.data?.messages.edges.map(({ node }) => node.body)).toEqual(['hello']);
  expect(second.data).toEqual(first.data);
});

async function httpLink(api: TestApi, person: Person, options: HttpLink.Options = {}): Promise<HttpLink> {
  const authorization = `Bearer ${await api.issuer.token(person.subject)}`;
  return new HttpLink({ uri: api.url, ...options, headers: { ...options.headers, authorization } });
}

function clientOf(link: ApolloLink): ApolloClient {
  const client = new ApolloClient({
    link,
    cache: new InMemoryCache({
      typePolicies: { Query: { fields: { messages: relayStylePagination(['messageGroupId']) } } },
    }),
  });
  onTestFinished(() => client.stop());
  return client;
}

async function aClient(api: TestApi, person: Person): Promise<ApolloClient> {
  return clientOf(await httpLink(api, person));
}

/** A group of 23 messages, sent in turn. */
async function aLongConversation(api: TestApi, people: readonly Person[]): Promise<string> {
  const messageGroupId = await startGroup(api, people, 'message 1');
  for (let count = 2; count <= 23; count += 1) {
    const sender = people[count % people.length];
    if (sender) await send(api, sender, { messageGroupId }, `message ${count}`);
  }
  return messageGroupId;
}

/** A list that shows a page of 5 to begin with, as a user interface would hold it. */
async function watchMessages(client: ApolloClient, messageGroupId: string) {
  const page = { query: LIST, variables: { messageGroupId, first: 5 } };
  await client.query(page);
  const list = client.watchQuery(page);
  const shown: string[][] = [];
  const subscription = list.subscribe(({ data, dataState }) => {
    if (dataState === 'complete') shown.push(data.messages.edges.map(({ node }) => node.id));
  });
  onTestFinished(() => subscription.unsubscribe());

  const cached = () => {
    const data = client.readQuery(page, true);
    if (!data) throw new Error('The list is not in the cache');
    return data.messages;
  };
  const fetchMore = async (variables: Partial<PageVariables>) => {
    const { data } = await list.fetchMore({ variables });
    return data?.messages.edges.length ?? 0;
  };
  return {
    messages: () => cached().edges.map(({ node }) => plain(node)),
    pageInfo: () => cached().pageInfo,
    /** The ids that a user interface was told to show, each time that they changed. */
    shown,
    /** Fetches the next older page, and returns how many messages it had. */
    older: () => fetchMore({ after: cached().pageInfo.endCursor }),
    /** Polls for at most `last` messages, and returns how many there were. */
    newer: (last: number) => fetchMore({ first: null, last, before: cached().pageInfo.startCursor }),
  };
}

function plain({ id, sequence, body, createdAt }: MessageNode): MessageNode {
  return { id, sequence, body, createdAt };
}

/**
 * Sends, and puts the message at the head of the list without a cursor. It goes around the field's merge function, which
 * would give it the cursor of the page; so the next poll, which starts from the newest cursor, replaces it.
 */
async function sendOptimistically(client: ApolloClient, messageGroupId: string, body: string) {
  const { data } = await client.mutate({
    mutation: SEND,
    variables: { input: { to: { messageGroupId }, body } },
    optimisticResponse: {
      createMessage: {
        __typename: 'CreateMessagePayload',
        message: { __typename: 'Message', id: 'optimistic', sequence: 0, body, createdAt: new Date().toISOString() },
        messageGroup: null,
        deduplicated: false,
        userErrors: [],
      } as CreateMessagePayload,
    },
    update: (cache, result) => {
      const message = result.data?.createMessage.message;
      if (!message) return;
      cache.modify({
        fields: {
          messages: (list, { storeFieldName, toReference }) => {
            if (!storeFieldName.includes(messageGroupId)) return list;
            const node = toReference({ __typename: 'Message', id: message.id });
            // A poll may have been faster than the mutation's answer.
            if (list.edges.some((edge: { node: Reference }) => edge.node.__ref === node?.__ref)) return list;
            return { ...list, edges: [{ __typename: 'MessageEdge', cursor: '', node }, ...list.edges] };
          },
        },
      });
    },
  });
  if (!data?.createMessage.message) throw new Error('The message was not sent');
  return data.createMessage.message;
}

async function completeList(api: TestApi, person: Person, messageGroupId: string): Promise<MessageNode[]> {
  const { edges, pageInfo } = await listMessages(api, person, { messageGroupId, first: 100 });
  expect(pageInfo.hasNextPage).toBe(false);
  return edges.map(({ node }) => node);
}
