import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { sdkCredentials } from '../../src/dynamodb/credentials.ts';
import { aDynamoDb, errorOf, isFast, OUTPUT, QUERY, scriptedEngine, stubSettings } from './support.ts';

const HOUR_MS = 3_600_000;

/** Longer than this after its deadline no call takes, however busy the machine. */
const LATE_MS = 2_000;

/** The endpoint at which a container gets its credentials. */
interface CredentialsEndpoint {
  readonly url: string;
  /** How many requests it got. */
  count(): number;
  /** Answers like this from now on; requests without an answer so far are reset. */
  answer(answer: (reply: ServerResponse) => void): void;
}

async function credentialsEndpoint(): Promise<CredentialsEndpoint> {
  let current: (reply: ServerResponse) => void = () => {};
  let count = 0;
  const server = createServer((_, reply) => {
    count += 1;
    current(reply);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/credentials`,
    count: () => count,
    answer: (answer) => {
      current = answer;
      server.closeAllConnections();
    },
  };
}

const silent = () => {};
const broken = (reply: ServerResponse) => void reply.writeHead(500).end();

function grant(AccessKeyId: string, lastsMs: number): (reply: ServerResponse) => void {
  const Expiration = new Date(Date.now() + lastsMs).toISOString();
  const credentials = { AccessKeyId, SecretAccessKey: 'any', Token: 'any', Expiration };
  return (reply) => void reply.writeHead(200).end(JSON.stringify(credentials));
}

/** A client that gets its credentials from an endpoint, and an engine. */
async function aContainer() {
  const [endpoint, engine] = [await credentialsEndpoint(), await scriptedEngine()];
  stubSettings({
    AWS_ACCESS_KEY_ID: undefined,
    AWS_SECRET_ACCESS_KEY: undefined,
    AWS_SESSION_TOKEN: undefined,
    AWS_CONTAINER_CREDENTIALS_FULL_URI: endpoint.url,
    AWS_ENDPOINT_URL_DYNAMODB: engine.endpoint,
  });
  // The SDK warns of a slow endpoint, by the console.
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  onTestFinished(() => warn.mockRestore());
  return { endpoint, engine, dynamodb: aDynamoDb() };
}

const keysOf = ({ attempts }: Awaited<ReturnType<typeof scriptedEngine>>) =>
  attempts.map(({ incoming }) => /Credential=([^/]+)/.exec(String(incoming.headers['authorization']))?.[1]);

test('credentials are looked up once, and the fast path uses them too', async () => {
  const { endpoint, engine, dynamodb } = await aContainer();
  endpoint.answer(grant('KEY1', HOUR_MS));

  await Promise.all([dynamodb.call('Query', QUERY), dynamodb.call('Query', QUERY)]);
  await dynamodb.call('Query', QUERY);

  expect(engine.attempts.map(isFast)).toEqual([false, false, true]);
  expect(keysOf(engine)).toEqual(['KEY1', 'KEY1', 'KEY1']);
  expect(endpoint.count()).toBe(1);
});

test.each([
  ['answers with an error', broken],
  ['does not answer', silent],
  ['stops within its answer', (reply: ServerResponse) => void reply.writeHead(200).write('{')],
])(
  'an endpoint that %s, for the first call: UNAVAILABLE at the deadline, and the next call recovers',
  async (_, answer) => {
    const { endpoint, engine, dynamodb } = await aContainer();
    endpoint.answer(answer);
    const deadline = performance.now() + 300;

    const error = await errorOf(dynamodb.call('Query', QUERY, { deadline }));

    expect(error).toMatchObject({ code: 'UNAVAILABLE' });
    expect(performance.now() - deadline).toBeLessThan(LATE_MS);
    endpoint.answer(grant('KEY1', HOUR_MS));
    expect(await dynamodb.call('Query', QUERY)).toMatchObject(OUTPUT);
    expect(keysOf(engine)).toEqual(['KEY1']);
  },
);

test('a look-up that failed is not kept', async () => {
  const engine = await scriptedEngine();
  stubSettings({
    AWS_ACCESS_KEY_ID: undefined,
    AWS_SECRET_ACCESS_KEY: undefined,
    AWS_ENDPOINT_URL_DYNAMODB: engine.endpoint,
  });
  const dynamodb = aDynamoDb();

  for (let call = 1; call <= 2; call += 1)
    expect(await errorOf(dynamodb.call('Query', QUERY))).toMatchObject({
      code: 'UNAVAILABLE',
      cause: { name: 'CredentialsProviderError' },
    });
  stubSettings({ AWS_ENDPOINT_URL_DYNAMODB: engine.endpoint });

  expect(await dynamodb.call('Query', QUERY)).toMatchObject(OUTPUT);
});

test('a look-up that hangs is given up, and the next call looks again', async () => {
  const { endpoint, engine, dynamodb } = await aContainer();
  endpoint.answer((reply) => {
    if (endpoint.count() > 1) grant('KEY1', HOUR_MS)(reply);
  });

  const error = await errorOf(dynamodb.call('Query', QUERY));

  expect(error).toMatchObject({ code: 'UNAVAILABLE', cause: { message: 'No answer within 5000 ms' } });
  expect(await dynamodb.call('Query', QUERY)).toMatchObject(OUTPUT);
  expect(keysOf(engine)).toEqual(['KEY1']);
}, 15_000);

test('a silent endpoint is asked three times, and then once in 30 s, until it answers', async () => {
  const { endpoint } = await aContainer();
  endpoint.answer(silent);
  const { provider } = sdkCredentials();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  /** Looks up, and lets the look-up time out once the endpoint was asked. */
  const lookUp = async () => {
    const asked = endpoint.count();
    const message = provider().then(
      () => 'found',
      (error: Error) => error.message,
    );
    await Promise.race([message, vi.waitFor(() => expect(endpoint.count()).toBe(asked + 1))]);
    if (endpoint.count() > asked) await vi.advanceTimersByTimeAsync(5_000);
    return message;
  };

  for (let count = 1; count <= 3; count += 1) expect(await lookUp()).toBe('No answer within 5000 ms');
  expect(await lookUp()).toContain('asked again in 30 s');
  await vi.advanceTimersByTimeAsync(30_000);
  expect(await lookUp()).toBe('No answer within 5000 ms');
  expect(await lookUp()).toContain('asked again in 30 s');

  endpoint.answer(grant('KEY1', HOUR_MS));
  await vi.advanceTimersByTimeAsync(30_000);
  expect(await provider()).toMatchObject({ accessKeyId: 'KEY1' });
});

test('expired credentials and a silent endpoint: UNAVAILABLE at the deadline, nothing is sent, and the next call recovers', async () => {
  const { endpoint, engine, dynamodb } = await aContainer();
  endpoint.answer(grant('EXPIRED', -1_000));
  await dynamodb.call('Query', QUERY);
  endpoint.answer(silent);
  engine.attempts.length = 0;

  for (const operation of ['Query', 'Scan'] as const) {
    const deadline = performance.now() + 300;
    expect(await errorOf(dynamodb.call(operation, QUERY, { deadline }))).toMatchObject({
      code: 'UNAVAILABLE',
      cause: { name: 'TimeoutError' },
    });
    expect(performance.now() - deadline).toBeLessThan(LATE_MS);
  }

  expect(engine.attempts).toEqual([]);
  endpoint.answer(grant('NEW', HOUR_MS));
  await dynamodb.call('Query', QUERY);
  await dynamodb.call('Query', QUERY);
  expect(engine.attempts.map(isFast)).toEqual([false, true]);
  expect(keysOf(engine)).toEqual(['NEW', 'NEW']);
});

test.each([
  ['silent', silent],
  ['broken', broken],
])(
  'credentials that are about to expire are used while the endpoint is %s, and replaced when it answers',
  async (_, answer) => {
    const { endpoint, engine, dynamodb } = await aContainer();
    endpoint.answer(grant('OLD', 60_000));
    await dynamodb.call('Query', QUERY);
    endpoint.answer(answer);

    const deadline = performance.now() + 2_000;
    await dynamodb.call('Query', QUERY, { deadline });
    await dynamodb.call('Scan', QUERY, { deadline });

    expect(keysOf(engine)).toEqual(['OLD', 'OLD', 'OLD']);
    endpoint.answer(grant('NEW', HOUR_MS));
    await vi.waitFor(
      async () => {
        await dynamodb.call('Query', QUERY);
        expect(engine.attempts.map(isFast).at(-1)).toBe(true);
      },
      { timeout: 5_000 },
    );
    expect(keysOf(engine).at(-1)).toBe('NEW');
  },
);
