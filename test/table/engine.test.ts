import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  DynamoDBServiceException,
  InternalServerError,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import { type HttpHandler, HttpRequest, HttpResponse } from '@smithy/core/protocols';
import { clearCredentialCache, SignatureV4 } from '@smithy/signature-v4';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { UnavailableError } from '../../src/errors.ts';
import { engineCaller } from '../../src/table/engine.ts';
import { pooledHttp } from '../../src/table/pooled-http.ts';
import { openTable, type Table, type TableOptions } from '../../src/table/table.ts';
import { type Attempt, answerWithError, proxyEngine } from '../support/engine-proxy.ts';

const REGION = 'eu-central-1';
const TYPE = { 'content-type': 'application/x-amz-json-1.0' };
const QUERY = {
  TableName: 'messages',
  KeyConditionExpression: 'pk = :pk',
  ExpressionAttributeValues: { ':pk': { S: 'Zoë 💬' } },
};
const ANSWER = { Items: [{ pk: { S: 'Zoë 💬' }, sequence: { N: '1' } }], Count: 1 };
const TEXT = JSON.stringify(ANSWER);

/** Longer than this after its deadline no call takes, however busy the machine. */
const LATE_MS = 1_000;

/** Where the SDK finds its settings, so that those of the machine do not count. */
const SETTINGS = {
  AWS_ACCESS_KEY_ID: 'AKIATEST',
  AWS_SECRET_ACCESS_KEY: 'any',
  AWS_SESSION_TOKEN: 'any-session',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_PROFILE: undefined,
  AWS_ENDPOINT_URL: undefined,
  AWS_ENDPOINT_URL_DYNAMODB: undefined,
};

beforeEach(() => {
  for (const [name, value] of Object.entries(SETTINGS)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
});

type Answer = (attempt: Attempt) => void;

const ANSWERS = {
  well: ({ outgoing }) => void outgoing.writeHead(200, TYPE).end(TEXT),
  fault: ({ outgoing }) => void answerWithError(outgoing, 500, 'InternalServerError'),
  never: () => {},
  'half, and no more': ({ outgoing }) => void outgoing.writeHead(200, TYPE).write(TEXT.slice(0, 20)),
  'half late, and no more': ({ outgoing }) => {
    setTimeout(() => outgoing.writeHead(200, TYPE).write(TEXT.slice(0, 20)), 200);
  },
  'a blank every 50 ms': ({ outgoing }) => {
    outgoing.writeHead(200, TYPE);
    const timer = setInterval(() => outgoing.write(' '), 50);
    outgoing.on('close', () => clearInterval(timer));
  },
} satisfies Record<string, Answer>;

/** What is no answer, or not the whole of one. */
const BROKEN: Readonly<Record<string, Answer>> = {
  'is cut off before its length is reached': ({ outgoing }) => {
    outgoing.writeHead(200, { ...TYPE, 'content-length': Buffer.byteLength(TEXT) });
    outgoing.write(TEXT.slice(0, 20), () => outgoing.destroy());
  },
  'is cut off between two chunks': ({ outgoing }) => {
    outgoing.writeHead(200, TYPE).write(TEXT.slice(0, 20), () => outgoing.destroy());
  },
  'is cut off, and never told its length': ({ incoming }) => {
    incoming.socket.end(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${TEXT.slice(0, 20)}`);
  },
  'is a reset': ({ incoming }) => void incoming.socket.resetAndDestroy(),
  'is empty': ({ outgoing }) => void outgoing.writeHead(200, TYPE).end(),
  'is a page': ({ outgoing }) => void outgoing.writeHead(200).end('<h1>Welcome</h1>'),
  'is of another success': ({ outgoing }) => void outgoing.writeHead(201, TYPE).end(TEXT),
  'is a page of a gateway': ({ outgoing }) => void outgoing.writeHead(502).end('<h1>Bad Gateway</h1>'),
  'is a refusal of a gateway': ({ outgoing }) => void outgoing.writeHead(403).end('<h1>Forbidden</h1>'),
  'is an empty fault': ({ outgoing }) => void outgoing.writeHead(500).end(),
};

/** An engine that gives these answers, one for each attempt, the last of them again and again. */
async function anEngine(...answers: readonly [Answer, ...Answer[]]) {
  const attempts: Attempt[] = [];
  const endpoint = await proxyEngine((attempt) => {
    answers[Math.min(attempts.push(attempt), answers.length) - 1]?.(attempt);
    return true;
  });
  return { endpoint, attempts };
}

/** Stands for the network: records requests, and answers them. */
function recordingHttp() {
  const requests: HttpRequest[] = [];
  const requestHandler: HttpHandler = {
    handle: async (request) => {
      requests.push(request);
      return { response: new HttpResponse({ statusCode: 200, headers: {}, body: Buffer.from(TEXT) }) };
    },
    updateHttpClientConfig: () => {},
    httpHandlerConfigs: () => ({}),
  };
  return { requests, requestHandler };
}

function aTable(options: Partial<TableOptions>): Table {
  const table = openTable({ name: 'messages', region: REGION, ...options });
  onTestFinished(() => table.client.destroy());
  return table;
}

/** The time that an attempt's signature is of. */
function signedAt({ incoming }: Attempt): Date {
  return new Date(String(incoming.headers['x-amz-date']).replace(/(....)(..)(..T..)(..)(..Z)/, '$1-$2-$3:$4:$5'));
}

/** The `Authorization` header that the SDK's own signer, and its own hash, have for a request as it arrived. */
async function authorizationOf({ config }: DynamoDBClient, attempt: Attempt): Promise<string | undefined> {
  const { incoming, body } = attempt;
  const { authorization, 'x-amz-date': _date, 'x-amz-security-token': _, ...headers } = incoming.headers;
  const signed = /SignedHeaders=([^,]*)/.exec(String(authorization))?.[1]?.split(';') ?? [];
  // The keys that are derived from the credentials are remembered, whoever derived them.
  clearCredentialCache();
  const { credentials, sha256 } = config;
  const signer = new SignatureV4({ service: 'dynamodb', region: REGION, credentials, sha256, applyChecksum: false });
  const request = new HttpRequest({
    method: String(incoming.method),
    path: String(incoming.url),
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => signed.includes(name))) as Record<
      string,
      string
    >,
    body,
  });
  return (await signer.sign(request, { signingDate: signedAt(attempt) })).headers['authorization'];
}

describe.each([
  ['Node’s HTTP client', () => ({})],
  ['pooledHttp', () => ({ requestHandler: pooledHttp() })],
])('over %s', (_, http) => {
  const tableAt = (endpoint: string) => aTable({ endpoint, ...http() });

  /** The SDK's client, without the table's edge. */
  function callerAt(endpoint: string) {
    const client = new DynamoDBClient({ region: REGION, endpoint, ...http() });
    onTestFinished(() => client.destroy());
    return { client, call: engineCaller(client) };
  }

  test('a call is what it says, and gives what the engine answers', async () => {
    const { endpoint, attempts } = await anEngine(ANSWERS.well);

    const output = await tableAt(endpoint).call('Query', QUERY);

    expect(output).toEqual(ANSWER);
    expect(attempts.map(({ operation, body }) => [operation, JSON.parse(body)])).toEqual([['Query', QUERY]]);
    expect(attempts[0]?.incoming).toMatchObject({
      method: 'POST',
      url: '/',
      headers: { host: new URL(endpoint).host, 'x-amz-target': 'DynamoDB_20120810.Query', ...TYPE },
    });
  });

  test.each([
    ['of a session', 'any-session'],
    ['without a session', undefined],
  ])('each attempt is signed as the SDK signs, by credentials %s', async (_, session) => {
    vi.stubEnv('AWS_SESSION_TOKEN', session);
    const { endpoint, attempts } = await anEngine(ANSWERS.fault, ANSWERS.fault, ANSWERS.well);
    const { client, call } = callerAt(endpoint);

    expect(await call('Query', QUERY)).toEqual(ANSWER);

    expect(attempts).toHaveLength(3);
    for (const attempt of attempts) {
      const { authorization, 'x-amz-security-token': token } = attempt.incoming.headers;
      expect(authorization).toMatch(
        /^AWS4-HMAC-SHA256 Credential=AKIATEST\/\d{8}\/eu-central-1\/dynamodb\/aws4_request, /,
      );
      expect(authorization).toMatch(/SignedHeaders=[^,]*\bhost;.*x-amz-date;.*x-amz-target, /);
      expect(authorization).toBe(await authorizationOf(client, attempt));
      expect(token).toBe(session);
      expect(String(authorization).includes('x-amz-security-token')).toBe(session !== undefined);
    }
  });

  test('three faults of the engine are its exception, and UNAVAILABLE to whoever calls the table', async () => {
    const { endpoint, attempts } = await anEngine(ANSWERS.fault);

    await expect(callerAt(endpoint).call('Query', QUERY)).rejects.toBeInstanceOf(InternalServerError);
    expect(attempts).toHaveLength(3);
    await expect(tableAt(endpoint).call('Query', QUERY)).rejects.toBeInstanceOf(UnavailableError);
    expect(attempts).toHaveLength(6);
  });

  test('what the engine finds invalid is not tried again', async () => {
    const { endpoint, attempts } = await anEngine(
      ({ outgoing }) => void answerWithError(outgoing, 400, 'ValidationException'),
      ANSWERS.well,
    );

    const error = await tableAt(endpoint)
      .call('Query', QUERY)
      .catch((error: unknown) => error);

    // The SDK's client has no class of its own for it.
    expect(error).toBeInstanceOf(DynamoDBServiceException);
    expect(error).toMatchObject({ name: 'ValidationException', message: 'ValidationException', $fault: 'client' });
    expect(attempts).toHaveLength(1);
  });

  test('a clock that is an hour behind the engine’s is put right, for the next call too', async () => {
    const { endpoint, attempts } = await anEngine((attempt) => {
      const now = Date.now() + 3_600_000;
      if (Math.abs(signedAt(attempt).getTime() - now) < 300_000) return ANSWERS.well(attempt);
      attempt.outgoing.setHeader('date', new Date(now).toUTCString());
      return void answerWithError(attempt.outgoing, 400, 'InvalidSignatureException');
    });
    const { call } = callerAt(endpoint);

    expect(await call('Query', QUERY)).toEqual(ANSWER);
    expect(attempts).toHaveLength(2);
    expect(await call('Query', QUERY)).toEqual(ANSWER);
    expect(attempts).toHaveLength(3);
  });

  test('a clock that is an hour ahead is put right for all calls that are under way', async () => {
    const { endpoint } = await anEngine((attempt) => {
      const now = Date.now() - 3_600_000;
      if (Math.abs(signedAt(attempt).getTime() - now) < 300_000) return ANSWERS.well(attempt);
      attempt.outgoing.setHeader('date', new Date(now).toUTCString());
      return void answerWithError(attempt.outgoing, 400, 'InvalidSignatureException');
    });
    const { call } = callerAt(endpoint);

    const answers = await Promise.all(Array.from({ length: 20 }, () => call('Query', QUERY)));

    expect(answers).toEqual(Array(20).fill(ANSWER));
  });

  test('a signature that is refused by a clock that agrees is not tried again', async () => {
    const { endpoint, attempts } = await anEngine(
      ({ outgoing }) => void answerWithError(outgoing, 400, 'InvalidSignatureException'),
    );

    await expect(callerAt(endpoint).call('Query', QUERY)).rejects.toMatchObject({ name: 'InvalidSignatureException' });
    expect(attempts).toHaveLength(1);
  });

  test('a refused condition brings the item along, as it is on the wire', async () => {
    const Item = { pk: { S: 'GRP#1' }, sequence: { N: '7' }, memberIds: { L: [{ S: 'Zoë' }] } };
    const { endpoint, attempts } = await anEngine(
      ({ outgoing }) => void answerWithError(outgoing, 400, 'ConditionalCheckFailedException', { Item }),
    );

    const error = await tableAt(endpoint)
      .call('PutItem', { TableName: 'messages', Item: {} })
      .catch((error: unknown) => error);

    expect(error).toBeInstanceOf(ConditionalCheckFailedException);
    expect(error).toMatchObject({ Item });
    expect(attempts).toHaveLength(1);
  });

  test('a transaction that came to nothing brings its reasons along, with their items', async () => {
    const CancellationReasons = [
      { Code: 'None' },
      { Code: 'ConditionalCheckFailed', Message: 'no', Item: { pk: { S: 'GRP#1' }, sequence: { N: '7' } } },
    ];
    const { endpoint, attempts } = await anEngine(
      ({ outgoing }) => void answerWithError(outgoing, 400, 'TransactionCanceledException', { CancellationReasons }),
    );

    const error = await tableAt(endpoint)
      .call('TransactWriteItems', { TransactItems: [] })
      .catch((error: unknown) => error);

    expect(error).toBeInstanceOf(TransactionCanceledException);
    expect((error as TransactionCanceledException).CancellationReasons).toEqual(CancellationReasons);
    expect(attempts).toHaveLength(1);
  });

  test.each(Object.entries(BROKEN))('an answer that %s is asked for again', async (_, broken) => {
    const { endpoint, attempts } = await anEngine(broken, broken, ANSWERS.well);

    expect(await tableAt(endpoint).call('Query', QUERY)).toEqual(ANSWER);
    expect(attempts).toHaveLength(3);
  });

  test.each(Object.entries(BROKEN))('an answer that %s each time is UNAVAILABLE', async (_, broken) => {
    const { endpoint, attempts } = await anEngine(broken);

    await expect(tableAt(endpoint).call('Query', QUERY)).rejects.toBeInstanceOf(UnavailableError);
    expect(attempts).toHaveLength(3);
  });

  test('why an answer can’t be read does not tell what it says', async () => {
    const { endpoint } = await anEngine(({ outgoing }) => void outgoing.writeHead(200).end('{"S":"Zoë says'));

    const error = await tableAt(endpoint)
      .call('Query', QUERY)
      .catch((error: unknown) => error);

    expect(error).toMatchObject({ cause: { message: "An answer with status 200 is none of the engine's" } });
    expect(error).not.toHaveProperty('cause.cause');
  });

  test.each(['never', 'half, and no more', 'half late, and no more', 'a blank every 50 ms'] as const)(
    'an engine that answers %s is given up at the deadline, and not asked again',
    async (how) => {
      const { endpoint, attempts } = await anEngine(ANSWERS[how]);
      const table = tableAt(endpoint);
      const deadline = performance.now() + 300;

      await expect(table.call('Query', QUERY, { deadline })).rejects.toBeInstanceOf(UnavailableError);

      expect(performance.now() - deadline).toBeGreaterThan(-5);
      expect(performance.now() - deadline).toBeLessThan(LATE_MS);
      expect(attempts).toHaveLength(1);
    },
  );

  test('a fault after the deadline is not tried again', async () => {
    const deadline = performance.now() + 500;
    const { endpoint, attempts } = await anEngine(async (attempt) => {
      await vi.waitUntil(() => performance.now() >= deadline, { interval: 5, timeout: 5_000 });
      ANSWERS.fault(attempt);
    }, ANSWERS.well);

    const call = tableAt(endpoint).call('Query', QUERY, { deadline });

    await expect(call).rejects.toBeInstanceOf(UnavailableError);
    expect(attempts).toHaveLength(1);
  });

  test('nothing is sent once the deadline is over', async () => {
    const { endpoint, attempts } = await anEngine(ANSWERS.well);

    const call = tableAt(endpoint).call('Query', QUERY, { deadline: performance.now() });

    await expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE', cause: { name: 'TimeoutError' } });
    expect(attempts).toEqual([]);
  });
});

test('a signal gives a call up over Node’s HTTP client, and it is not tried again', async () => {
  const { endpoint, attempts } = await anEngine(ANSWERS.never);
  const abort = new AbortController();

  const call = aTable({ endpoint }).call('Query', QUERY, { signal: abort.signal });
  const outcome = expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE', cause: { name: 'AbortError' } });
  await vi.waitFor(() => expect(attempts).toHaveLength(1));
  abort.abort();

  await outcome;
  expect(attempts).toHaveLength(1);
});

describe('the engine’s address', () => {
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
      { AWS_ENDPOINT_URL: 'http://any.example' },
      'http://any.example/',
    ],
  ])('is that %s, where the configuration has none', async (_, region, variables, address) => {
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
    const { requests, requestHandler } = recordingHttp();

    await aTable({ region, requestHandler }).call('Query', QUERY);

    expect(requests).toHaveLength(1);
    expect(
      requests.map(({ protocol, hostname, port, path }) => `${protocol}//${hostname}${port ? `:${port}` : ''}${path}`),
    ).toEqual([address]);
    expect(requests[0]?.headers).toMatchObject({ host: new URL(address).host });
    expect(requests[0]?.headers['authorization']).toContain(`/${region}/dynamodb/`);
  });

  test('is that of the configuration before that of a variable', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', 'http://variable.example');
    const { requests, requestHandler } = recordingHttp();

    await aTable({ endpoint: 'http://configured.example:8000', requestHandler }).call('Query', QUERY);

    expect(requests.map(({ headers }) => headers['host'])).toEqual(['configured.example:8000']);
  });
});
