import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import {
  ProvisionedThroughputExceededException,
  TransactionCanceledException,
  TransactionConflictException,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import { anApi, type Reply, useApi } from '../support/api.ts';
import { dynamodbEndpoint } from '../support/dynamodb.ts';
import { type Attempt, answerWithError, proxyEngine } from '../support/engine-proxy.ts';
import { injectFaults, timeout } from '../support/faults.ts';
import { CREATE_MESSAGE, listMessages, send, startGroup } from '../support/operations.ts';

useApi();

const metadata = { $metadata: { httpStatusCode: 400 }, message: 'fault' };

function cancelled(...codes: string[]): () => Error {
  return () => new TransactionCanceledException({ ...metadata, CancellationReasons: codes.map((Code) => ({ Code })) });
}

test('a message whose reply was lost is there once: the write that is tried again finds itself', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);

  injectFaults(api.table).loseReply('PutItem', 1);
  const { message } = await send(api, people[0], { messageGroupId }, 'once');

  const { edges } = await listMessages(api, people[1], { messageGroupId });
  expect(edges.map(({ node }) => [node.id, node.body])).toEqual([
    [message.id, 'once'],
    [expect.any(String), 'hello'],
  ]);
});

test('the same holds for a message with a clientMessageId, and for one that starts a group', async () => {
  const api = await anApi();
  const [ann, ben, cyd] = await api.people(3);
  const messageGroupId = await startGroup(api, [ann, ben]);
  const faults = injectFaults(api.table);

  faults.loseReply('TransactWriteItems', 1);
  const known = await send(api, ann, { messageGroupId }, 'once', 'my-id');
  faults.loseReply('TransactWriteItems', 1);
  const started = await send(api, ann, { recipientHandles: [cyd.handle] }, 'once');

  expect(known).toMatchObject({ deduplicated: false, message: { sequence: 2 } });
  expect(started).toMatchObject({ deduplicated: false, message: { sequence: 1 } });
  const lists = [messageGroupId, started.messageGroupId].map((id) => listMessages(api, ann, { messageGroupId: id }));
  expect((await Promise.all(lists)).map(({ edges }) => edges.length)).toEqual([2, 1]);
});

/** Carries an attempt out at the engine, and lets nobody know. */
async function carryOut({ incoming, body }: Attempt): Promise<void> {
  const forwarded = request(dynamodbEndpoint(), { method: 'POST', headers: incoming.headers }).end(body);
  const [response] = (await once(forwarded, 'response')) as [IncomingMessage];
  await buffer(response);
}

/** An engine that carries a call out without an answer, and then refuses it as in conflict with something else. */
async function forgetfulEngine(operation: string) {
  const tokens: unknown[] = [];
  const engine = { isForgetful: false, tokens };
  const endpoint = await proxyEngine(async (attempt) => {
    if (!engine.isForgetful || attempt.operation !== operation) return false;
    const { ClientRequestToken, TransactItems = [] } = JSON.parse(attempt.body);
    tokens.push(ClientRequestToken);
    if (tokens.length === 1) {
      await carryOut(attempt);
      attempt.incoming.socket.destroy();
      return true;
    }
    engine.isForgetful = false;
    const CancellationReasons = TransactItems.map(() => ({ Code: 'TransactionConflict' }));
    const name = operation === 'PutItem' ? 'TransactionConflictException' : 'TransactionCanceledException';
    return answerWithError(attempt.outgoing, 400, name, { CancellationReasons });
  });
  return { engine, api: await anApi({ dynamodbEndpoint: endpoint }) };
}

describe('a message whose answer was lost, and that then met something else, is there once, as it is told', () => {
  test.each([
    ['PutItem', undefined],
    ['TransactWriteItems', 'my-id'],
  ])('by %s', async (operation, clientMessageId) => {
    const { engine, api } = await forgetfulEngine(operation);
    const people = await api.people(2);
    const messageGroupId = await startGroup(api, people);
    engine.isForgetful = true;

    const { message } = await send(api, people[0], { messageGroupId }, 'once', clientMessageId);

    const { edges } = await listMessages(api, people[1], { messageGroupId });
    expect(edges.map(({ node }) => node.body)).toEqual(['once', 'hello']);
    expect(edges[0]?.node).toMatchObject({ id: message.id, sequence: message.sequence, createdAt: message.createdAt });
    expect(engine.isForgetful).toBe(false);
  });

  test.each([undefined, 'my-id'])('by the start of a group, with a clientMessageId of %s', async (clientMessageId) => {
    const { engine, api } = await forgetfulEngine('TransactWriteItems');
    const [ann, ben] = await api.people(2);
    engine.isForgetful = true;

    const { message, messageGroupId } = await send(
      api,
      ann,
      { recipientHandles: [ben.handle] },
      'once',
      clientMessageId,
    );

    const { edges } = await listMessages(api, ben, { messageGroupId });
    expect(edges.map(({ node }) => [node.id, node.sequence])).toEqual([[message.id, 1]]);
    expect(engine.isForgetful).toBe(false);
    // By which AWS tells the attempts of one transaction from several.
    expect(engine.tokens).toEqual([expect.any(String), engine.tokens[0]]);
  });
});

test.each([
  ['a transaction on the same item', 'PutItem', () => new TransactionConflictException(metadata), undefined],
  ['another transaction', 'TransactWriteItems', cancelled('TransactionConflict', 'None'), 'my-id'],
  ['conflicts on both items', 'TransactWriteItems', cancelled('TransactionConflict', 'TransactionConflict'), 'my-id'],
])('contention with %s is tried again', async (_, operation, error, clientMessageId) => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);

  injectFaults(api.table).fail(operation, 3, error);
  const { message } = await send(api, people[0], { messageGroupId }, 'through', clientMessageId);

  expect(message).toMatchObject({ sequence: 2, body: 'through' });
});

test('a start that meets another start, which comes to nothing, is tried again', async () => {
  const api = await anApi();
  const [ann, ben] = await api.people(2);

  injectFaults(api.table).fail('TransactWriteItems', 3, cancelled('TransactionConflict', 'None', 'None', 'None'));
  const { message } = await send(api, ann, { recipientHandles: [ben.handle] }, 'through');

  expect(message).toMatchObject({ sequence: 1, body: 'through' });
});

test.each([
  ['does not answer', 'PutItem', timeout, undefined],
  ['throttles', 'PutItem', () => new ProvisionedThroughputExceededException(metadata), undefined],
  ['refuses every attempt', 'PutItem', () => new TransactionConflictException(metadata), undefined],
  ['throttles a transaction', 'TransactWriteItems', cancelled('None', 'ThrottlingError'), 'my-id'],
  ['cancels a transaction for a new reason', 'TransactWriteItems', cancelled('None', 'SomethingNew'), 'my-id'],
  [
    'can’t be reached for reading',
    'Query',
    () => Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
    undefined,
  ],
])('an engine that %s is UNAVAILABLE, and nothing is written', async (_, operation, error, clientMessageId) => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);
  const faults = injectFaults(api.table);

  faults.fail(operation, 1000, error);
  const input = { to: { messageGroupId }, body: 'lost', clientMessageId };
  const response = await api.post(people[0], CREATE_MESSAGE, { input });
  faults.fail(operation, 0, error);

  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('1');
  expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAVAILABLE' } }] });
  expect((await listMessages(api, people[0], { messageGroupId })).edges).toHaveLength(1);
});

const MARK_READ = `mutation ($messageGroupId: ID!) {
  markMessageGroupRead(input: { messageGroupId: $messageGroupId, sequence: 1 }) { messageGroup { unreadCount } }
}`;

test.each([
  ['once', 1, 200, 2],
  ['each time', 3, 503, 3],
])('marking as read, with a transaction in the way %s', async (_, times, status, attempts) => {
  let updates = 0;
  const endpoint = await proxyEngine(({ operation, outgoing }) => {
    if (operation !== 'UpdateItem') return false;
    updates += 1;
    return updates <= times && answerWithError(outgoing, 400, 'TransactionConflictException');
  });
  const api = await anApi({ dynamodbEndpoint: endpoint });
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);

  const response = await api.post(people[1], MARK_READ, { messageGroupId });

  const { data, errors } = (await response.json()) as Reply;
  expect(response.status).toBe(status);
  if (status === 200) expect(data.markMessageGroupRead).toEqual({ messageGroup: { unreadCount: 0 } });
  else expect(errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE' } }]);
  expect(updates).toBe(attempts);
});

test.each([
  ['429', 429, 'TooManyRequestsException'],
  ['Throttling', 400, 'Throttling'],
  ['LimitExceededException', 400, 'LimitExceededException'],
  ['ExpiredTokenException', 400, 'ExpiredTokenException'],
])('an engine that answers %s is UNAVAILABLE', async (_, status, name) => {
  let isFaulty = false;
  const endpoint = await proxyEngine(({ outgoing }) => isFaulty && answerWithError(outgoing, status, name));
  const api = await anApi({ dynamodbEndpoint: endpoint });
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);
  isFaulty = true;

  const response = await api.post(people[1], '{ messageGroups { edges { cursor } } }');
  const sent = await api.post(people[0], CREATE_MESSAGE, { input: { to: { messageGroupId }, body: 'lost' } });
  isFaulty = false;

  for (const each of [response, sent]) {
    expect(each.status).toBe(503);
    expect(await each.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAVAILABLE' } }] });
  }
});

test('a transaction that the engine finds invalid is a fault of ours: masked, and not tried again', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);
  api.calls.length = 0;

  injectFaults(api.table).fail('TransactWriteItems', 1, cancelled('ValidationError', 'ConditionalCheckFailed'));
  const { errors } = await api.reply(people[0], CREATE_MESSAGE, {
    input: { to: { messageGroupId }, body: 'x', clientMessageId: 'my-id' },
  });

  expect(errors).toMatchObject([
    { message: 'Something went wrong on our side.', extensions: { code: 'INTERNAL_SERVER_ERROR' } },
  ]);
  expect(api.calls.map(({ operation }) => operation)).toEqual(['Query', 'TransactWriteItems']);
});

test('profiles that a batch leaves unprocessed are asked for again', async () => {
  const api = await anApi();
  const [ann, ...others] = await api.people(4);
  for (const other of others) await startGroup(api, [ann, other]);

  injectFaults(api.table).change('BatchGetItem', 2, (output) => {
    const responses = output['Responses'] as Record<string, { pk: unknown; sk: unknown }[]>;
    const items = responses[api.table.name] ?? [];
    const kept = items.splice(1);
    if (kept.length > 0)
      output['UnprocessedKeys'] = { [api.table.name]: { Keys: kept.map(({ pk, sk }) => ({ pk, sk })) } };
  });
  const { messageGroups } = await api.ask(ann, '{ messageGroups { edges { node { createdAt } } } }');

  expect(messageGroups.edges).toHaveLength(3);
  expect(api.calls.filter(({ operation }) => operation === 'BatchGetItem')).toHaveLength(3);
});

test('profiles that stay unprocessed are UNAVAILABLE', async () => {
  const api = await anApi();
  const people = await api.people(2);
  await startGroup(api, people);

  injectFaults(api.table).change('BatchGetItem', 1000, (output) => {
    const responses = output['Responses'] as Record<string, { pk: unknown; sk: unknown }[]>;
    const items = responses[api.table.name]?.splice(0) ?? [];
    output['UnprocessedKeys'] = { [api.table.name]: { Keys: items.map(({ pk, sk }) => ({ pk, sk })) } };
  });
  const { errors } = await api.reply(people[0], '{ messageGroups { edges { node { createdAt } } } }');

  expect(errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE' } }]);
});
