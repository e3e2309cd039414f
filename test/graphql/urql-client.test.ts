import { Client, fetchExchange, gql, type TypedDocumentNode } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { expect, test } from 'vitest';
import { anApi, useApi } from '../support/api.ts';
import { type Connection, listMessages, type MessageNode, send, startGroup } from '../support/operations.ts';

useApi();

/** As docs/clients.md shows it. `first` has a default, so a poll has to say that it is null. */
const MESSAGES: TypedDocumentNode<{ messages: Connection<MessageNode> }, object> = gql`
  query Messages($messageGroupId: ID!, $first: Int = 5, $after: String, $last: Int, $before: String) {
    messages(messageGroupId: $messageGroupId, first: $first, after: $after, last: $last, before: $before) {
      edges { cursor node { id sequence body createdAt } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`;

test('paging and polling by urql end in the server’s list, newest first and without repetitions', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people, 'message 1');
  for (let count = 2; count <= 12; count += 1) await send(api, people[1], { messageGroupId }, `message ${count}`);
  const authorization = `Bearer ${await api.issuer.token(people[0].subject)}`;
  const client = new Client({
    url: api.url,
    preferGetMethod: false,
    fetchOptions: { headers: { authorization } },
    exchanges: [
      cacheExchange({ resolvers: { Query: { messages: relayPagination({ mergeMode: 'outwards' }) } } }),
      fetchExchange,
    ],
  });
  const load = async (page: object) => {
    const { data, error } = await client
      .query(MESSAGES, { messageGroupId, ...page }, { requestPolicy: 'network-only' })
      .toPromise();
    if (error) throw error;
    return data?.messages;
  };
  const cached = () => {
    const messages = client.readQuery(MESSAGES, { messageGroupId })?.data?.messages;
    if (!messages) throw new Error('The list is not in the cache');
    return messages;
  };
  const poll = () => load({ first: null, last: 3, before: cached().edges[0]?.cursor });
  const sequences = () => cached().edges.map(({ node }) => node.sequence);

  await load({});
  await poll();
  const afterEmptyPoll = sequences();
  for (let count = 13; count <= 17; count += 1) await send(api, people[1], { messageGroupId }, `message ${count}`);
  await poll();
  const afterFirstPoll = sequences();
  await load({ after: cached().pageInfo.endCursor });
  await poll();
  while (cached().pageInfo.hasNextPage) await load({ after: cached().pageInfo.endCursor });

  expect(afterEmptyPoll).toEqual([12, 11, 10, 9, 8]);
  expect(afterFirstPoll).toEqual([15, 14, 13, 12, 11, 10, 9, 8]);
  expect(cached().edges.map(({ node: { id, body } }) => ({ id, body }))).toEqual(
    (await listMessages(api, people[1], { messageGroupId })).edges.map(({ node: { id, body } }) => ({ id, body })),
  );
  expect(sequences()).toEqual(Array.from({ length: 17 }, (_, index) => 17 - index));
});
