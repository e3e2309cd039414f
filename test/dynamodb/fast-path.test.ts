import { DynamoDBClient, GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { DynamoDbOptions } from '../../src/dynamodb/client.ts';
import { errorOfCall } from '../../src/dynamodb/errors.ts';
import { UnavailableError } from '../../src/errors.ts';
import {
  type Answer,
  aWarmDynamoDb,
  CUT_OFF,
  errorOf,
  fail,
  HTTP_CLIENTS,
  isFast,
  OUTPUT,
  QUERY,
  REGION,
  reply,
  retryAtOnce,
  type ScriptedEngine,
  SILENCE,
  scriptedEngine,
  succeed,
} from './support.ts';

beforeEach(retryAtOnce);

/** Longer than this after its deadline no call takes, however busy the machine. */
const LATE_MS = 2_000;

/** Exceptions of a read that repeat however often it is made, or that answer a write. The table passes them on. */
const PASSED_ON = [
  'ConditionalCheckFailedException',
  'DuplicateItemException',
  'IdempotentParameterMismatchException',
  'ItemCollectionSizeLimitExceededException',
  'ResourceNotFoundException',
  'SerializationException',
  'TransactionCanceledException',
  'UnknownOperationException',
  'ValidationException',
];

/** All others that DynamoDB and its gateway document, or that have been seen. */
const UNAVAILABLE = [
  'AccessDeniedException',
  'ExpiredTokenException',
  'IncompleteSignatureException',
  'InternalFailure',
  'InternalServerError',
  'InvalidSignatureException',
  'LimitExceededException',
  'MissingAuthenticationTokenException',
  'NotAuthorized',
  'OptInRequired',
  'ProvisionedThroughputExceededException',
  'ReplicatedWriteConflictException',
  'RequestExpired',
  'RequestLimitExceeded',
  'ResourceInUseException',
  'ServiceUnavailable',
  'SomethingNew',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
  'TransactionConflictException',
  'TransactionInProgressException',
  'UnrecognizedClientException',
];

const byName = (status: number) => (name: string) => [`${name}, ${status}`, fail(name, status)] as const;

const FAULTS: readonly (readonly [string, Answer])[] = [
  ...[...PASSED_ON, ...UNAVAILABLE].map(byName(400)),
  ...['InternalServerError', 'ServiceUnavailable', 'ThrottlingException', 'SomethingNew'].map(byName(500)),
  ...['ThrottlingException', 'SomethingNew'].map(byName(429)),
  ...['AccessDeniedException', 'SomethingNew'].map(byName(403)),
  ...[400, 403, 404, 408, 413, 429, 500, 502, 503, 504].flatMap((status) => [
    [`a page with ${status}`, reply(status, '<h1>Sorry</h1>', { 'content-type': 'text/html' })] as const,
    [`nothing with ${status}`, reply(status)] as const,
    [`an object with ${status}`, reply(status, '{}')] as const,
  ]),
  ...Object.entries(CUT_OFF).map(([name, answer]) => [`a reply that is cut off ${name}`, answer] as const),
  ['nothing with 200', reply(200)],
  ['a page with 200', reply(200, '<h1>Welcome</h1>')],
  ...['null', '1', '"text"', '[]', '{}', '{"Items":3}', '{"Items":[null]}', '{"Items":{}}', '{"Items":[[]]}'].map(
    (body) => [`${body} with 200`, reply(200, body)] as const,
  ),
  ['an output with 201', reply(201, JSON.stringify(OUTPUT))],
  ['binary values', reply(200, '{"Items":[{"a":{"B":"AQID"},"b":{"BS":["AQID"]}}]}')],
];

/** The outcome of a call, in a form that can be compared. */
async function outcomeOf(call: Promise<object>): Promise<unknown> {
  try {
    const { $metadata: _, ...output } = (await call) as { $metadata?: unknown };
    return output;
  } catch (error) {
    const { name, message, cause } = error as Error;
    return { name, message, ...(cause instanceof Error && { cause: { name: cause.name } }) };
  }
}

/** A client of the SDK without the fast path, whose errors are those of the table. */
function sendBySdk(engine: ScriptedEngine, http: Pick<DynamoDbOptions, 'requestHandler'>): () => Promise<object> {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const { endpoint } = engine;
  const client = new DynamoDBClient({ region: REGION, credentials, maxAttempts: 3, ...http, endpoint });
  onTestFinished(() => client.destroy());
  return () => client.send(new QueryCommand(QUERY)).catch((error) => Promise.reject(errorOfCall(error)));
}

describe.each(HTTP_CLIENTS)('over %s', (_, http) => {
  test('a call ends as by the SDK’s client, whatever DynamoDB answers, and the next call succeeds', async () => {
    const engine = await scriptedEngine();
    const dynamodb = await aWarmDynamoDb(engine, http());
    const send = sendBySdk(engine, http());
    const bySdk: Record<string, unknown> = {};
    const byTable: Record<string, unknown> = {};

    for (const [name, answer] of FAULTS) {
      engine.answer(answer);
      bySdk[name] = await outcomeOf(send());
      engine.attempts.length = 0;
      byTable[name] = await outcomeOf(dynamodb.call('Query', QUERY));
      expect([name, engine.attempts.map(isFast).indexOf(false)]).toEqual([name, 1]);
      engine.answer(succeed);
      expect([name, await outcomeOf(dynamodb.call('Query', QUERY))]).toEqual([name, OUTPUT]);
    }

    // A conflict is the one error that is retried beyond what the SDK retries; here it is met each time.
    expect(byTable).toEqual(bySdk);
    for (const name of PASSED_ON) expect(byTable[`${name}, 400`]).toMatchObject({ name });
    for (const name of UNAVAILABLE)
      expect(byTable[`${name}, 400`]).toMatchObject({ name: 'UnavailableError', cause: { name } });
  }, 60_000);

  test('what one attempt fails with, the next one puts right', async () => {
    const engine = await scriptedEngine();
    const dynamodb = await aWarmDynamoDb(engine, http());

    for (const [name, answer] of FAULTS) {
      engine.attempts.length = 0;
      engine.answer((attempt) => (engine.attempts.length === 1 ? answer : succeed)(attempt));

      expect([name, await outcomeOf(dynamodb.call('Query', QUERY))]).toEqual([name, OUTPUT]);

      expect([name, engine.attempts.map(isFast)]).toEqual([name, [true, false]]);
    }
  }, 60_000);

  test.each(Object.entries(SILENCE))(
    '%s is UNAVAILABLE at the deadline, and nothing is sent later',
    async (_, answer) => {
      const engine = await scriptedEngine();
      const dynamodb = await aWarmDynamoDb(engine, http());
      engine.answer(answer);
      const deadline = performance.now() + 300;

      const error = await errorOf(dynamodb.call('Query', QUERY, { deadline }));

      expect(error).toBeInstanceOf(UnavailableError);
      expect(error).toMatchObject({ cause: { name: 'TimeoutError' } });
      expect(performance.now() - deadline).toBeGreaterThan(-5);
      expect(performance.now() - deadline).toBeLessThan(LATE_MS);
      engine.answer(succeed);
      expect(await dynamodb.call('Query', QUERY)).toEqual(OUTPUT);
      expect(engine.attempts.map(isFast)).toEqual([true, true]);
    },
  );

  test('an output is read as by the SDK’s client', async () => {
    const Key = { pk: { S: 'Zoë 💬' } };
    const item = { ...Key, list: { L: [{ N: '1.50' }, { NULL: true }, { BOOL: false }] }, set: { SS: ['a'] } };
    const ConsumedCapacity = { TableName: 'messages', CapacityUnits: 0.5 };
    const engine = await scriptedEngine();
    const dynamodb = await aWarmDynamoDb(engine, http());

    for (const output of [{}, { Item: item }, { Item: item, ConsumedCapacity }]) {
      engine.answer(reply(200, JSON.stringify(output)));
      expect(await outcomeOf(dynamodb.call('GetItem', { TableName: 'messages', Key }))).toEqual(output);
      const bySdk = dynamodb.client.send(new GetItemCommand({ TableName: 'messages', Key }));
      expect(await outcomeOf(bySdk)).toEqual(output);
    }
    for (const output of [
      { Items: [], Count: 0, ScannedCount: 0 },
      { Items: [item], Count: 1, LastEvaluatedKey: Key, ConsumedCapacity },
    ]) {
      engine.answer(reply(200, JSON.stringify(output)));
      expect(await outcomeOf(dynamodb.call('Query', QUERY))).toEqual(output);
      expect(await outcomeOf(dynamodb.client.send(new QueryCommand(QUERY)))).toEqual(output);
    }
    expect(engine.attempts.map(isFast)).toEqual(Array(5).fill([true, false]).flat());
  });
});

test('the SDK makes the first call, and every write', async () => {
  const engine = await scriptedEngine();
  const dynamodb = await aWarmDynamoDb(engine);
  engine.answer(reply(200, '{}'));

  await dynamodb.call('PutItem', { TableName: 'messages', Item: {} });
  await dynamodb.call('TransactWriteItems', { TransactItems: [] });
  await dynamodb.call('UpdateItem', { TableName: 'messages', Key: {} });

  expect(engine.attempts.map(isFast)).toEqual([false, false, false]);
});
