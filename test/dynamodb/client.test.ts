import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  DynamoDBServiceException,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import { type HttpHandler, HttpRequest, HttpResponse } from '@smithy/core/protocols';
import { clearCredentialCache, SignatureV4 } from '@smithy/signature-v4';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { UnavailableError } from '../../src/errors.ts';
import type { Attempt } from '../support/engine-proxy.ts';
import {
  aDynamoDb,
  aWarmDynamoDb,
  errorOf,
  fail,
  HTTP_CLIENTS,
  isFast,
  OUTPUT,
  QUERY,
  REGION,
  reply,
  retryAtOnce,
  SILENCE,
  scriptedEngine,
  signedAt,
  stubSettings,
  succeed,
} from './support.ts';

beforeEach(retryAtOnce);
beforeEach(() => stubSettings());

const PUT = { TableName: 'messages', Item: {} };

/** Longer than this after its deadline no call takes, however busy the machine. */
const LATE_MS = 2_000;

/** Stands for the network: records requests, and answers them. */
function recordingHttp() {
  const requests: HttpRequest[] = [];
  const requestHandler: HttpHandler = {
    handle: async (request) => {
      requests.push(request);
      const body = Buffer.from(JSON.stringify(OUTPUT));
      return { response: new HttpResponse({ statusCode: 200, headers: {}, body }) };
    },
    updateHttpClientConfig: () => {},
    httpHandlerConfigs: () => ({}),
  };
  return { requests, requestHandler };
}

/** The `Authorization` header that the SDK's own signer, with its own hash, makes for a request as it arrived. */
async function authorizationOf(attempt: Attempt): Promise<string | undefined> {
  const { incoming, body } = attempt;
  const signed = /SignedHeaders=([^,]*)/.exec(String(incoming.headers['authorization']))?.[1]?.split(';') ?? [];
  const left = ['x-amz-date', 'x-amz-security-token'];
  const headers = signed.filter((name) => !left.includes(name)).map((name) => [name, String(incoming.headers[name])]);
  // The signer keeps keys that it derived from credentials.
  clearCredentialCache();
  const { credentials, sha256 } = new DynamoDBClient({ region: REGION }).config;
  const signer = new SignatureV4({ service: 'dynamodb', region: REGION, credentials, sha256, applyChecksum: false });
  const path = String(incoming.url);
  const request = new HttpRequest({ method: 'POST', path, headers: Object.fromEntries(headers), body });
  const { headers: expected } = await signer.sign(request, { signingDate: new Date(signedAt(attempt)) });
  return expected['authorization'];
}

describe.each(HTTP_CLIENTS)('over %s', (_, http) => {
  test.each([
    ['of a session', 'any-session'],
    ['without a session', undefined],
  ])('each attempt is what the SDK would send and sign, by credentials %s', async (_, session) => {
    const engine = await scriptedEngine();
    stubSettings({ AWS_SESSION_TOKEN: session, AWS_ENDPOINT_URL_DYNAMODB: engine.endpoint });
    const dynamodb = aDynamoDb(http());

    for (let call = 1; call <= 2; call += 1) expect(await dynamodb.call('Query', QUERY)).toMatchObject(OUTPUT);

    expect(engine.attempts.map(isFast)).toEqual([false, true]);
    for (const attempt of engine.attempts) {
      const { authorization, 'x-amz-security-token': token } = attempt.incoming.headers;
      expect(attempt.incoming).toMatchObject({
        method: 'POST',
        url: '/',
        headers: {
          host: new URL(engine.endpoint).host,
          'content-type': 'application/x-amz-json-1.0',
          'x-amz-target': 'DynamoDB_20120810.Query',
        },
      });
      expect(JSON.parse(attempt.body)).toEqual(QUERY);
      expect(authorization).toContain(`Credential=AKIATEST/`);
      expect(authorization).toMatch(/SignedHeaders=[^,]*\bhost;.*x-amz-date;.*x-amz-target/);
      expect(authorization).toBe(await authorizationOf(attempt));
      expect(token).toBe(session);
      expect(String(authorization).includes('x-amz-security-token')).toBe(session !== undefined);
    }
  });

  test('a refused condition brings the item along, as it is on the wire', async () => {
    const Item = { pk: { S: 'GRP#1' }, sequence: { N: '7' }, memberIds: { L: [{ S: 'Zoë' }] } };
    const engine = await scriptedEngine(fail('ConditionalCheckFailedException', 400, { Item }));

    const error = await errorOf(aDynamoDb({ ...http(), endpoint: engine.endpoint }).call('PutItem', PUT));

    expect(error).toBeInstanceOf(ConditionalCheckFailedException);
    expect(error).toMatchObject({ Item });
    expect(engine.attempts).toHaveLength(1);
  });

  test('a cancelled transaction brings its reasons along, with their items', async () => {
    const CancellationReasons = [
      { Code: 'None' },
      { Code: 'ConditionalCheckFailed', Message: 'no', Item: { pk: { S: 'GRP#1' }, sequence: { N: '7' } } },
    ];
    const engine = await scriptedEngine(fail('TransactionCanceledException', 400, { CancellationReasons }));
    const dynamodb = aDynamoDb({ ...http(), endpoint: engine.endpoint });

    const error = await errorOf(dynamodb.call('TransactWriteItems', { TransactItems: [] }));

    expect(error).toBeInstanceOf(TransactionCanceledException);
    expect((error as TransactionCanceledException).CancellationReasons).toEqual(CancellationReasons);
    expect(engine.attempts).toHaveLength(1);
  });

  test.each(['PutItem', 'UpdateItem'] as const)(
    'a transaction in the way of %s: the write is tried three times, and is UNAVAILABLE then',
    async (operation) => {
      const engine = await scriptedEngine();
      const dynamodb = aDynamoDb({ ...http(), endpoint: engine.endpoint });
      const write = () => dynamodb.call(operation, { TableName: 'messages', Key: {}, Item: {} });
      const conflict = fail('TransactionConflictException');

      engine.answer((attempt) => (engine.attempts.length < 3 ? conflict : reply(200, '{}'))(attempt));
      expect(await errorOf(write())).toBeUndefined();
      expect(engine.attempts).toHaveLength(3);

      engine.answer(conflict);
      const error = await errorOf(write());
      expect(error).toBeInstanceOf(UnavailableError);
      expect(error).toMatchObject({ cause: { name: 'TransactionConflictException' } });
      expect(engine.attempts).toHaveLength(6);
    },
  );

  test('an invalid call is tried once, and keeps DynamoDB’s exception', async () => {
    const engine = await scriptedEngine(fail('ValidationException'));

    const error = await errorOf(aDynamoDb({ ...http(), endpoint: engine.endpoint }).call('PutItem', PUT));

    expect(error).toBeInstanceOf(DynamoDBServiceException);
    expect(error).toMatchObject({ name: 'ValidationException', message: 'ValidationException' });
    expect(engine.attempts).toHaveLength(1);
  });

  test('an error about an unreadable reply does not quote the reply', async () => {
    const engine = await scriptedEngine(reply(200, '{"S":"Zoë says'));

    const error = await errorOf(aDynamoDb({ ...http(), endpoint: engine.endpoint }).call('Query', QUERY));

    const { cause } = error as { cause: Error };
    expect(cause).toMatchObject({ name: 'UnreadableReplyError', message: 'A reply with status 200 cannot be read' });
    expect(JSON.stringify([cause, cause.cause, Object.values(cause)])).not.toContain('Zoë');
  });

  test.each(Object.entries(SILENCE))(
    'a write with %s is UNAVAILABLE at the deadline, and not retried',
    async (_, answer) => {
      const engine = await scriptedEngine(answer);
      const deadline = performance.now() + 300;

      const error = await errorOf(
        aDynamoDb({ ...http(), endpoint: engine.endpoint }).call('PutItem', PUT, { deadline }),
      );

      expect(error).toMatchObject({ code: 'UNAVAILABLE', cause: { name: 'TimeoutError' } });
      expect(performance.now() - deadline).toBeGreaterThan(-5);
      expect(performance.now() - deadline).toBeLessThan(LATE_MS);
      expect(engine.attempts).toHaveLength(1);
    },
  );

  test('a retry that is due after the deadline is not sent', async () => {
    const engine = await scriptedEngine();
    const dynamodb = await aWarmDynamoDb(engine, http());
    const deadline = performance.now() + 500;
    const late = vi.fn(async (attempt: Attempt) => {
      await vi.waitUntil(() => performance.now() >= deadline + 50, { interval: 5, timeout: 5_000 });
      fail('InternalServerError', 500)(attempt);
    });
    engine.answer(late);

    await expect(dynamodb.call('Query', QUERY, { deadline })).rejects.toBeInstanceOf(UnavailableError);
    await expect(dynamodb.call('PutItem', PUT, { deadline: performance.now() + 10 })).rejects.toBeInstanceOf(
      UnavailableError,
    );

    await Promise.all(late.mock.results.map(({ value }) => value));
    engine.answer(succeed);
    await dynamodb.call('Query', QUERY);
    // The last one shows that the others would have come by now.
    expect(engine.attempts.map(({ operation }) => operation)).toEqual(['Query', 'PutItem', 'Query']);
  });

  test('nothing is sent once the deadline is over', async () => {
    const engine = await scriptedEngine();

    const call = aDynamoDb({ ...http(), endpoint: engine.endpoint }).call('Query', QUERY, {
      deadline: performance.now(),
    });

    await expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE', cause: { name: 'TimeoutError' } });
    expect(engine.attempts).toEqual([]);
  });

  test.each(['Query', 'Scan'] as const)('the caller’s signal ends a %s, which is not retried', async (operation) => {
    const engine = await scriptedEngine();
    const dynamodb = await aWarmDynamoDb(engine, http());
    engine.answer(() => {});
    const controller = new AbortController();

    const call = dynamodb.call(operation, QUERY, { signal: controller.signal });
    const outcome = expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE', cause: { name: 'AbortError' } });
    await vi.waitFor(() => expect(engine.attempts).toHaveLength(1));
    controller.abort();

    await outcome;
    expect(engine.attempts).toHaveLength(1);
  });
});

describe('the endpoint', () => {
  test.each([
    ['of the region', REGION, {}, 'https://dynamodb.eu-central-1.amazonaws.com/'],
    ['of a region of another partition', 'cn-north-1', {}, 'https://dynamodb.cn-north-1.amazonaws.com.cn/'],
    [
      'of the SDK’s own variable',
      REGION,
      { AWS_ENDPOINT_URL_DYNAMODB: 'http://engine.example:8000' },
      'http://engine.example:8000/',
    ],
    [
      'of the SDK’s variable for all services',
      REGION,
      { AWS_ENDPOINT_URL: 'http://any.example/path' },
      'http://any.example/path/',
    ],
  ])('is that %s, where the configuration has none', async (_, region, variables, endpoint) => {
    stubSettings(variables);
    const { requests, requestHandler } = recordingHttp();
    const dynamodb = aDynamoDb({ region, requestHandler });

    for (let call = 1; call <= 2; call += 1) await dynamodb.call('Query', QUERY);

    expect(requests.map(({ headers }) => 'amz-sdk-invocation-id' in headers)).toEqual([true, false]);
    expect(
      requests.map(({ protocol, hostname, port, path }) => `${protocol}//${hostname}${port ? `:${port}` : ''}${path}`),
    ).toEqual([endpoint, endpoint]);
    for (const { headers } of requests) {
      expect(headers).toMatchObject({ host: new URL(endpoint).host });
      expect(headers['authorization']).toContain(`/${region}/dynamodb/`);
    }
  });

  test('is that of the configuration before that of a variable', async () => {
    stubSettings({ AWS_ENDPOINT_URL_DYNAMODB: 'http://variable.example' });
    const { requests, requestHandler } = recordingHttp();

    await aDynamoDb({ endpoint: 'http://configured.example:8000', requestHandler }).call('Query', QUERY);

    expect(requests.map(({ headers }) => headers['host'])).toEqual(['configured.example:8000']);
  });
});
