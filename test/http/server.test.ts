import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { parse, validate } from 'graphql';
import pg from 'pg';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { DEFAULT_QUERY_LIMITS } from '../../src/config/query-limits.ts';
import { DEFAULT_RATE_LIMITS } from '../../src/config/rate-limits.ts';
import { SANDBOX_DOCUMENT } from '../../src/graphql/sandbox.ts';
import { createSchema } from '../../src/graphql/schema.ts';
import { openRateLimits } from '../../src/http/rate-limits.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { createTokenVerifier } from '../../src/identity/token-verifier.ts';
import { createViewers } from '../../src/identity/viewers.ts';
import { createTableIfMissing } from '../../src/table/definition.ts';
import { directoryBreaker } from '../../src/users/breaker.ts';
import { openDirectory } from '../../src/users/directory.ts';
import { cacheUsers } from '../../src/users/user-cache.ts';
import { anApi, type Reply, type TestApi, useApi } from '../support/api.ts';
import { CREATE_MESSAGE, createMessage, listMessages, MESSAGES, send, startGroup } from '../support/operations.ts';
import type { Person } from '../support/people.ts';
import { openConnection, sendOperation } from '../support/requests.ts';

useApi();

const VIEWER = '{ viewer { handle } }';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A query whose reply is larger than 1 KB. */
const LARGE = `{ ${Array.from({ length: 15 }, (_, number) => `v${number}: viewer { id handle displayName }`).join(' ')} }`;

async function bearer(api: TestApi, { subject }: Person): Promise<{ authorization: string }> {
  return { authorization: `Bearer ${await api.issuer.token(subject)}` };
}

interface GetOptions {
  readonly query?: string;
  readonly variables?: object;
  /** The hash of a persisted query. */
  readonly hash?: string;
  readonly headers?: Record<string, string>;
}

/** Gets a query as this person, as a client with automatic persisted queries does. */
async function get(api: TestApi, person: Person | undefined, { query, variables, hash, headers }: GetOptions) {
  const parameters = new URLSearchParams({
    ...(query !== undefined && { query }),
    ...(variables && { variables: JSON.stringify(variables) }),
    ...(hash !== undefined && { extensions: JSON.stringify({ persistedQuery: { version: 1, sha256Hash: hash } }) }),
  });
  return fetch(`${api.url}?${parameters}`, {
    headers: { 'apollo-require-preflight': 'true', ...(person && (await bearer(api, person))), ...headers },
  });
}

/** Registers the query and gives the hash to ask for it by. */
async function persist(api: TestApi, person: Person, query: string, variables?: object): Promise<string> {
  const hash = createHash('sha256').update(query).digest('hex');
  const response = await get(api, person, { query, hash, ...(variables && { variables }) });
  expect(response.status).toBe(200);
  return hash;
}

function etagOf(response: Response): string {
  const etag = response.headers.get('etag');
  if (etag === null) throw new Error('The reply has no ETag');
  return etag;
}

async function replyOf(response: Response): Promise<Reply> {
  return (await response.json()) as Reply;
}

function pathOf(api: TestApi, path: string): string {
  return new URL(path, api.url).href;
}

/** The lines of the log about a request. */
function linesOf(api: TestApi, requestId: string | null) {
  return api.logs
    .map((line) => JSON.parse(line) as { requestId?: string; level: number; err?: { type: string; message: string } })
    .filter((line) => line.requestId === requestId);
}

/** Takes the test's table away; it is back when the test is over, for the cleanup to find. */
async function loseTable({ table }: TestApi): Promise<void> {
  await table.client.send(new DeleteTableCommand({ TableName: table.name }));
  onTestFinished(async () => {
    await createTableIfMissing(table);
  });
}

describe('the landing page', () => {
  test('locally it is Apollo Sandbox, signed in, with all operations at hand', async () => {
    const api = await anApi({ local: true, sandboxToken: 'header.payload.signature' });

    const response = await fetch(api.url, { headers: { accept: 'text/html' } });

    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/html/);
    const html = await response.text();
    expect(html).toContain('embeddable-sandbox');
    const config = JSON.parse(/embeddedSandboxConfig = (\{.*\});/.exec(html)?.[1] ?? '{}');
    expect(config.initialState.headers).toEqual({ authorization: 'Bearer header.payload.signature' });
    expect(config.initialState.document).toBe(SANDBOX_DOCUMENT);
    expect(config.runTelemetry).toBe(false);
  });

  test('the operations in Sandbox are valid and cover reading, polling, sending and marking as read', () => {
    const document = parse(SANDBOX_DOCUMENT);

    const errors = validate(createSchema(), document);

    expect(errors).toEqual([]);
    for (const field of [
      'messageGroups(',
      'after:',
      'before:',
      'messageGroupId: $',
      'recipientHandles:',
      'messageGroupWith(',
      'users(',
      'markMessageGroupRead(',
    ]) {
      expect(SANDBOX_DOCUMENT).toContain(field);
    }
  });

  test('without a token Sandbox is there, and signed in as nobody', async () => {
    const api = await anApi({ local: true });

    const html = await (await fetch(api.url, { headers: { accept: 'text/html' } })).text();

    expect(html).toContain('embeddable-sandbox');
    expect(html).not.toMatch(/authorization/i);
  });

  test('no policy of ours keeps Sandbox from loading', async () => {
    const api = await anApi({ local: true });

    const response = await fetch(api.url, { headers: { accept: 'text/html' } });

    expect(response.headers.get('content-security-policy')).toBeNull();
  });

  test('elsewhere there is none', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);

    const responses = [
      await fetch(api.url, { headers: { accept: 'text/html' } }),
      await fetch(api.url, { headers: { accept: 'text/html', ...(await bearer(api, ann)) } }),
    ];

    for (const response of responses) {
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.headers.get('content-type')).toMatch(/^application\/json/);
      expect(await response.text()).not.toMatch(/sandbox|<html/i);
    }
  });
});

describe('polling', () => {
  test('an unchanged answer to a persisted query is 304 without a body, a changed one 200 with another ETag', async () => {
    const api = await anApi();
    const people = await api.people(2);
    const [ann, ben] = people;
    const variables = { messageGroupId: await startGroup(api, people) };
    const hash = await persist(api, ann, MESSAGES, variables);
    const first = await get(api, ann, { hash, variables });
    const etag = etagOf(first);

    const unchanged = await get(api, ann, { hash, variables, headers: { 'if-none-match': etag } });
    await send(api, ben, variables, 'news');
    const changed = await get(api, ann, { hash, variables, headers: { 'if-none-match': etag } });

    expect(first.status).toBe(200);
    expect(unchanged.status).toBe(304);
    expect(await unchanged.text()).toBe('');
    expect(etagOf(unchanged)).toBe(etag);
    expect(changed.status).toBe(200);
    expect(etagOf(changed)).not.toBe(etag);
    const { data } = await replyOf(changed);
    expect(data.messages.edges.map(({ node }: { node: { body: string } }) => node.body)).toEqual(['news', 'hello']);
  });

  test('a query in full has an ETag by GET too', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const etag = etagOf(await get(api, ann, { query: VIEWER }));

    const again = await get(api, ann, { query: VIEWER, headers: { 'if-none-match': etag } });

    expect(again.status).toBe(304);
  });

  test('a compressed answer has an ETag and an unchanged one is 304', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const gzip = { 'accept-encoding': 'gzip' };
    const first = await get(api, ann, { query: LARGE, headers: gzip });
    const etag = etagOf(first);

    const again = await get(api, ann, { query: LARGE, headers: { ...gzip, 'if-none-match': etag } });

    expect(first.headers.get('content-encoding')).toBe('gzip');
    expect(again.status).toBe(304);
    expect(again.headers.get('content-encoding')).toBeNull();
    expect(await again.text()).toBe('');
  });

  test('another viewer with the same query and the first one’s ETag gets their own answer', async () => {
    const api = await anApi();
    const [ann, ben] = await api.people(2);
    const hash = await persist(api, ann, VIEWER);
    const anns = await get(api, ann, { hash });
    const etag = etagOf(anns);

    const bens = await get(api, ben, { hash, headers: { 'if-none-match': etag } });

    expect(bens.status).toBe(200);
    expect(etagOf(bens)).not.toBe(etag);
    expect((await replyOf(bens)).data).toEqual({ viewer: { handle: ben.handle } });
    expect((await replyOf(anns)).data).toEqual({ viewer: { handle: ann.handle } });
  });

  test('a refusal is never 304, whatever the client holds', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const hash = await persist(api, ann, VIEWER);
    const good = etagOf(await get(api, ann, { hash }));
    const refused = (await get(api, undefined, { hash })).headers.get('etag');
    const invalid = (await get(api, ann, { query: '{ nothing }' })).headers.get('etag');

    const responses = [
      await get(api, undefined, { hash, headers: { 'if-none-match': good } }),
      await get(api, undefined, { hash, headers: { 'if-none-match': refused ?? good } }),
      await get(api, ann, { query: '{ nothing }', headers: { 'if-none-match': invalid ?? good } }),
    ];

    expect(responses.map(({ status }) => status)).toEqual([401, 401, 400]);
    for (const response of responses) expect((await replyOf(response)).errors).toHaveLength(1);
  });

  test('while the table does not answer, what the client holds is not confirmed', async () => {
    const api = await anApi();
    const people = await api.people(2);
    const [ann] = people;
    const variables = { messageGroupId: await startGroup(api, people) };
    const etag = etagOf(await get(api, ann, { query: MESSAGES, variables }));
    await loseTable(api);

    const response = await get(api, ann, { query: MESSAGES, variables, headers: { 'if-none-match': etag } });

    expect(response.status).toBe(200);
    expect((await replyOf(response)).errors?.[0]?.extensions.code).toBe('INTERNAL_SERVER_ERROR');
  });

  test('a POST has no ETag and is never 304', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const etag = etagOf(await get(api, ann, { query: VIEWER }));

    const response = await api.post(ann, VIEWER, undefined, { 'if-none-match': etag });

    expect(response.status).toBe(200);
    expect(response.headers.get('etag')).toBeNull();
    expect((await replyOf(response)).data.viewer.handle).toBe(ann.handle);
  });

  test('a hash that is not known is told apart, so that the client sends the query with it', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const hash = createHash('sha256').update(VIEWER).digest('hex');

    const unknown = await get(api, ann, { hash });
    const registered = await get(api, ann, { hash, query: VIEWER });
    const known = await get(api, ann, { hash });

    expect(await replyOf(unknown)).toMatchObject({
      errors: [{ message: 'PersistedQueryNotFound', extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
    });
    expect((await replyOf(registered)).data.viewer.handle).toBe(ann.handle);
    expect((await replyOf(known)).data.viewer.handle).toBe(ann.handle);
  });

  test('a query is not registered under the hash of another', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const hash = createHash('sha256').update(VIEWER).digest('hex');

    const response = await get(api, ann, { hash, query: '{ viewer { id } }' });

    expect(response.status).toBe(400);
    expect((await replyOf(await get(api, ann, { hash }))).errors?.[0]?.extensions.code).toBe(
      'PERSISTED_QUERY_NOT_FOUND',
    );
  });

  test('replies are for the asker’s own cache, and to be asked for again', async () => {
    const api = await anApi({ corsOrigins: ['https://app.example.com'] });
    const [ann] = await api.people(1);
    const etag = etagOf(await get(api, ann, { query: VIEWER }));

    const responses = [
      await get(api, ann, { query: VIEWER }),
      await get(api, ann, { query: VIEWER, headers: { 'if-none-match': etag } }),
      await get(api, undefined, { query: VIEWER }),
      await get(api, ann, { query: '{ nothing }' }),
      await api.post(ann, VIEWER),
    ];

    expect(responses.map(({ status }) => status)).toEqual([200, 304, 401, 400, 200]);
    for (const { headers } of responses) {
      expect(headers.get('cache-control')).toMatch(/\bprivate\b/);
      expect(headers.get('cache-control')).toMatch(/\bno-cache\b/);
      expect(varyOf(headers)).toContain('authorization');
    }
  });

  test('a reply varies with everything that it depends on: the asker, the page’s origin and the encoding', async () => {
    const api = await anApi({ corsOrigins: ['https://app.example.com'] });
    const [ann] = await api.people(1);
    const headers = { origin: 'https://app.example.com', 'accept-encoding': 'gzip' };

    const response = await get(api, ann, { query: LARGE, headers });

    expect(varyOf(response.headers)).toEqual(expect.arrayContaining(['authorization', 'origin', 'accept-encoding']));
  });
});

function varyOf(headers: Headers): string[] {
  return (headers.get('vary') ?? '').toLowerCase().split(/\s*,\s*/);
}

describe('compression', () => {
  test('a reply of more than 1 KB is compressed for who takes it, and only then', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);

    const compressed = await api.post(ann, LARGE, undefined, { 'accept-encoding': 'gzip' });
    const plain = await api.post(ann, LARGE, undefined, { 'accept-encoding': 'identity' });

    expect(compressed.headers.get('content-encoding')).toBe('gzip');
    expect(plain.headers.get('content-encoding')).toBeNull();
    const replies = [await compressed.text(), await plain.text()];
    expect(replies[0]).toBe(replies[1]);
    expect(Buffer.byteLength(replies[1] ?? '')).toBeGreaterThan(1024);
    expect(Number(compressed.headers.get('content-length') ?? 0)).toBeLessThan(1024);
  });

  test('a small reply is not', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);

    const response = await api.post(ann, VIEWER, undefined, { 'accept-encoding': 'gzip' });

    expect(response.status).toBe(200);
    expect(response.headers.get('content-encoding')).toBeNull();
  });
});

describe('pages of other origins', () => {
  const APP = 'https://app.example.com';
  const SANDBOX = 'https://studio.apollographql.com';
  const OTHER = 'https://other.example.com';

  function preflight(api: TestApi, origin: string): Promise<Response> {
    return fetch(api.url, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    });
  }

  test.each([
    { local: false, corsOrigins: [APP], allowed: [APP], refused: [SANDBOX, OTHER, 'null', `${APP}.evil.example`] },
    { local: false, corsOrigins: [], allowed: [], refused: [APP, SANDBOX, OTHER] },
    { local: true, corsOrigins: [], allowed: [SANDBOX], refused: [APP, OTHER] },
    { local: true, corsOrigins: [APP, OTHER], allowed: [APP, OTHER, SANDBOX], refused: ['https://third.example.com'] },
  ])('with local $local and CORS origins $corsOrigins, pages of $allowed may call and others not', async (given) => {
    const api = await anApi({ local: given.local, corsOrigins: given.corsOrigins });
    const [ann] = await api.people(1);

    const answers = new Map<string, (string | null)[]>();
    for (const origin of [...given.allowed, ...given.refused]) {
      const responses = [await preflight(api, origin), await api.post(ann, VIEWER, undefined, { origin })];
      const byGet = await get(api, ann, { query: VIEWER, headers: { origin } });
      answers.set(
        origin,
        [...responses, byGet].map(({ headers }) => headers.get('access-control-allow-origin')),
      );
    }

    for (const origin of given.allowed) expect(answers.get(origin)).toEqual([origin, origin, origin]);
    for (const origin of given.refused) expect(answers.get(origin)).toEqual([null, null, null]);
  });

  test('a refusal can be read by the page that caused it', async () => {
    const api = await anApi({ corsOrigins: [APP] });

    const response = await api.post(undefined, VIEWER, undefined, { origin: APP });

    expect(response.status).toBe(401);
    expect(response.headers.get('access-control-allow-origin')).toBe(APP);
  });

  test('the preflight tells what may be sent, and is remembered for a day', async () => {
    const api = await anApi({ corsOrigins: [APP] });

    const response = await preflight(api, APP);

    expect(response.status).toBe(204);
    expect(listOf(response, 'access-control-allow-methods')).toEqual(['get', 'post']);
    expect(listOf(response, 'access-control-allow-headers')).toEqual(
      expect.arrayContaining(['authorization', 'content-type', 'apollo-require-preflight', 'if-none-match']),
    );
    expect(response.headers.get('access-control-max-age')).toBe('86400');
    expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    expect(api.calls).toEqual([]);
  });

  test('a page may read the ETag and the request id of a reply', async () => {
    const api = await anApi({ corsOrigins: [APP] });
    const [ann] = await api.people(1);

    const response = await get(api, ann, { query: VIEWER, headers: { origin: APP } });

    expect(listOf(response, 'access-control-expose-headers')).toEqual(expect.arrayContaining(['etag', 'x-request-id']));
  });

  function listOf(response: Response, header: string): string[] {
    return (response.headers.get(header) ?? '').toLowerCase().split(/,\s*/);
  }
});

describe('what a browser is told', () => {
  test('nothing here is for a browser to guess at, to frame, or to run', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);

    const responses = [
      await api.post(ann, VIEWER),
      await get(api, ann, { query: VIEWER }),
      await api.post(undefined, VIEWER),
      await fetch(pathOf(api, '/health/live')),
      await fetch(pathOf(api, '/nothing')),
    ];

    for (const { headers } of responses) {
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(headers.get('x-powered-by')).toBeNull();
    }
  });

  test('locally it may not be guessed at or framed either', async () => {
    const api = await anApi({ local: true });

    const { headers } = await fetch(api.url, { headers: { accept: 'text/html' } });

    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
  });
});

describe('request ids', () => {
  test.each(['abc', 'A-1_b.2', 'x'.repeat(64), randomUUID()])('a well-formed id is kept: %s', async (id) => {
    const api = await anApi();
    const [ann] = await api.people(1);

    const response = await api.post(ann, VIEWER, undefined, { 'x-request-id': id });

    expect(response.headers.get('x-request-id')).toBe(id);
    expect(linesOf(api, id)).toHaveLength(1);
  });

  test.each(['a b', 'x'.repeat(65), '', 'id"}', '<script>', 'a,b', '../etc'])(
    'an id that is not well-formed is replaced: "%s"',
    async (id) => {
      const api = await anApi();
      const [ann] = await api.people(1);

      const response = await api.post(ann, VIEWER, undefined, { 'x-request-id': id });

      expect(response.headers.get('x-request-id')).toMatch(UUID);
      expect(linesOf(api, id)).toEqual([]);
    },
  );

  test('every reply has an id of its own', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);

    const responses = [
      await api.post(ann, VIEWER),
      await api.post(ann, VIEWER),
      await api.post(ann, '{ nothing }'),
      await api.post(undefined, VIEWER),
      await get(api, ann, { query: VIEWER }),
      await fetch(api.url, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x' }),
      await fetch(pathOf(api, '/health/live')),
      await fetch(pathOf(api, '/nothing')),
    ];

    const ids = responses.map(({ headers }) => headers.get('x-request-id'));
    for (const id of ids) expect(id).toMatch(UUID);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('what goes wrong on our side', () => {
  const GROUP = `query ($id: ID!) { messageGroup(id: $id) { id } }`;

  test('it is masked, and logged whole under the id that the client gets', async () => {
    const api = await anApi();
    const people = await api.people(2);
    const [ann] = people;
    const id = await startGroup(api, people);
    await loseTable(api);

    const response = await api.post(ann, GROUP, { id });

    const body = await response.text();
    const requestId = response.headers.get('x-request-id');
    expect(JSON.parse(body)).toEqual({
      data: { messageGroup: null },
      errors: [
        {
          message: 'Something went wrong on our side.',
          locations: [{ line: 1, column: 20 }],
          path: ['messageGroup'],
          extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
        },
      ],
    });
    expect(body).not.toMatch(/ResourceNotFound|dynamo|stack|\.ts\b/i);
    expect(body).not.toContain(api.table.name);
    const [cause] = linesOf(api, requestId).filter(({ level }) => level >= 50);
    expect(cause?.err?.type).toBe('ResourceNotFoundException');
  });

  /** What goes wrong before there is anything to execute. */
  async function failToFindTheAsker() {
    const api = await anApi();
    const [ann] = await api.people(1);
    const cause = Object.assign(new pg.DatabaseError('relation "users" does not exist', 0, 'error'), { code: '42P01' });
    const query = vi.spyOn(api.pool, 'query').mockRejectedValue(cause as never);
    onTestFinished(() => query.mockRestore());
    const response = await api.post(ann, VIEWER);
    return { api, response, requestId: response.headers.get('x-request-id'), body: await response.text() };
  }

  test('it is masked also while the asker is looked up, and the client gets the id', async () => {
    const { response, requestId, body } = await failToFindTheAsker();

    expect(response.status).toBe(500);
    expect(body).not.toContain('relation');
    expect(JSON.parse(body)).toEqual({
      errors: [
        { message: 'Something went wrong on our side.', extensions: { code: 'INTERNAL_SERVER_ERROR', requestId } },
      ],
    });
  });

  test('it is logged under its id also while the asker is looked up', async () => {
    const { api, requestId } = await failToFindTheAsker();

    const causes = linesOf(api, requestId).filter(({ level }) => level >= 50);
    expect(causes.map(({ err }) => err?.message)).toEqual([expect.stringContaining('relation "users" does not exist')]);
  });
});

describe('the log', () => {
  test('holds neither tokens nor bodies nor query strings, whether requests succeed or fail', async () => {
    const api = await anApi();
    const people = await api.people(2);
    const [ann] = people;
    const messageGroupId = await startGroup(api, people, 'confidential-0');
    const { authorization } = await bearer(api, ann);

    await send(api, ann, { messageGroupId }, 'confidential-1', 'confidential-id');
    await createMessage(api, ann, { messageGroupId }, 'confidential-2', 'confidential-id');
    await createMessage(api, ann, { messageGroupId }, 'confidential-3'.repeat(100));
    await get(api, ann, { query: MESSAGES, variables: { messageGroupId, after: 'confidential-cursor' } });
    await fetch(`${api.url}?access_token=confidential-token`, { headers: { authorization } });
    await fetch(pathOf(api, '/nothing?confidential-search'), { headers: { authorization } });
    await api.post(ann, '{ nothing(at: "confidential-query") }');
    await api.post(undefined, VIEWER, {}, { authorization: 'Bearer confidential-junk' });
    await fetch(api.url, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: '{ "confidential-json',
    });
    await loseTable(api);
    await api.reply(ann, CREATE_MESSAGE, { input: { to: { messageGroupId }, body: 'confidential-4' } });

    const log = api.logs.join('');
    expect(api.logs.length).toBeGreaterThanOrEqual(11);
    expect(log).toContain('ResourceNotFoundException');
    expect(log).toContain('"path":"/graphql"');
    expect(log).not.toContain('confidential');
    expect(log).not.toContain(authorization.slice('Bearer '.length));
    expect(log).not.toContain(authorization.split('.')[2]);
    expect(log).not.toMatch(/bearer/i);
    expect(log).not.toContain('?');
  });

  test('has a line for each request, with its method, path and status, what was asked for, and what it cost', async () => {
    const api = await anApi();
    const people = await api.people(2);
    await startGroup(api, people);

    const { headers } = await get(api, people[0], { query: 'query Inbox { messageGroups { edges { node { id } } } }' });

    await vi.waitFor(() => expect(linesOf(api, headers.get('x-request-id'))).toHaveLength(1));
    expect(linesOf(api, headers.get('x-request-id'))).toEqual([
      expect.objectContaining({
        ...{ method: 'GET', path: '/graphql', status: 200, msg: 'request', level: 30 },
        ...{ operation: 'messageGroups', operationName: 'Inbox', code: 'OK' },
        ...{ engineCalls: 1, capacityUnits: 0.5, directoryCalls: 0, durationMs: expect.any(Number) },
      }),
    ]);
  });
});

describe('requests that are refused', () => {
  test('a mutation by GET is refused and changes nothing', async () => {
    const api = await anApi();
    const people = await api.people(2);
    const [ann] = people;
    const messageGroupId = await startGroup(api, people);
    api.calls.length = 0;

    const response = await get(api, ann, {
      query: CREATE_MESSAGE,
      variables: { input: { to: { messageGroupId }, body: 'by GET' } },
    });

    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
    expect((await replyOf(response)).data).toBeUndefined();
    expect(api.calls).toEqual([]);
  });

  test('a GET that a page of another site could cause unasked is refused', async () => {
    const api = await anApi();
    const messageGroupId = await startGroup(api, await api.people(2));
    const parameters = new URLSearchParams({ query: MESSAGES, variables: JSON.stringify({ messageGroupId }) });
    api.calls.length = 0;

    const response = await fetch(`${api.url}?${parameters}`);

    expect(response.status).toBe(400);
    expect((await replyOf(response)).data).toBeUndefined();
    expect(api.calls).toEqual([]);
  });

  test.each([
    'text/plain',
    'text/plain;charset=UTF-8',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    '',
  ])('a body of type "%s" is refused and not executed', async (type) => {
    const api = await anApi();
    const people = await api.people(2);
    const [ann] = people;
    const messageGroupId = await startGroup(api, people);
    const input = { to: { messageGroupId }, body: 'smuggled' };
    const form = new URLSearchParams({ query: CREATE_MESSAGE, variables: JSON.stringify({ input }) }).toString();
    const json = JSON.stringify({ query: CREATE_MESSAGE, variables: { input } });
    api.calls.length = 0;

    const response = await fetch(api.url, {
      method: 'POST',
      headers: { ...(await bearer(api, ann)), 'content-type': type },
      body: type.includes('urlencoded') ? form : json,
    });

    expect([400, 415]).toContain(response.status);
    expect((await replyOf(response)).errors).toHaveLength(1);
    expect(api.calls).toEqual([]);
    const { edges } = await listMessages(api, ann, { messageGroupId });
    expect(edges).toHaveLength(1);
  });

  test.each([
    '{',
    '',
    '[]',
    '"query"',
    'null',
    '{"query": 1}',
    '{"variables": {}}',
    '{"__proto__": {"query": "{ __typename }"}}',
  ])('a body that is no GraphQL request is 400: %s', async (body) => {
    const api = await anApi();
    const [ann] = await api.people(1);

    const response = await fetch(api.url, {
      method: 'POST',
      headers: { ...(await bearer(api, ann)), 'content-type': 'application/json' },
      body,
    });

    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    const { data, errors } = await replyOf(response);
    expect(data).toBeUndefined();
    expect(errors).toEqual([{ message: expect.any(String), extensions: { code: expect.any(String) } }]);
    expect(api.logs.filter((line) => JSON.parse(line).level >= 50)).toEqual([]);
  });

  test('several operations in one request are refused', async () => {
    const api = await anApi();
    const people = await api.people(2);
    const [ann] = people;
    const messageGroupId = await startGroup(api, people);
    const input = { to: { messageGroupId }, body: 'in a batch' };
    api.calls.length = 0;

    const response = await fetch(api.url, {
      method: 'POST',
      headers: { ...(await bearer(api, ann)), 'content-type': 'application/json' },
      body: JSON.stringify([{ query: VIEWER }, { query: CREATE_MESSAGE, variables: { input } }]),
    });

    expect(response.status).toBe(400);
    expect((await replyOf(response)).data).toBeUndefined();
    expect(api.calls).toEqual([]);
    expect((await listMessages(api, ann, { messageGroupId })).edges).toHaveLength(1);
  });

  test('a body of 100 KB is taken, and a larger one refused before it is sent', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const headers = { ...(await bearer(api, ann)), 'content-type': 'application/json' };
    const body = JSON.stringify({ query: VIEWER }).padEnd(100 * 1024);

    const taken = await fetch(api.url, { method: 'POST', headers, body });
    const refused = await announce(api, { ...headers, 'content-length': body.length + 1 });

    expect(taken.status).toBe(200);
    expect(refused.status).toBe(413);
    expect(refused.reply.errors).toHaveLength(1);
  });

  test('a larger body whose length is not told is refused too', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const headers = { ...(await bearer(api, ann)), 'content-type': 'application/json', 'transfer-encoding': 'chunked' };

    const refused = await announce(api, headers, JSON.stringify({ query: VIEWER }).padEnd(100 * 1024 + 1));

    expect(refused.status).toBe(413);
    expect(refused.reply.data).toBeUndefined();
  });

  test.each([
    ['GET', '/'],
    ['GET', '/graphql/more'],
    ['POST', '/GraphQL'],
    ['DELETE', '/graphql'],
    ['PUT', '/graphql'],
    ['GET', '/health'],
  ])('%s %s is 404, in JSON', async (method, path) => {
    const api = await anApi();

    const response = await fetch(pathOf(api, path), { method });

    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await response.json()).toEqual({
      errors: [{ message: expect.stringContaining('/graphql'), extensions: { code: 'NOT_FOUND' } }],
    });
  });

  test.each(['/%?token=secret', '/graphql/%E0%A4%A', '/%zz'])(
    '%s, which cannot be decoded, is a 404 like any other, and its query is not repeated',
    async (path) => {
      const api = await anApi();
      const { port } = new URL(api.url);
      const asked = request({ port, path, agent: false }).end();
      const [response] = await once(asked, 'response');

      expect(response.statusCode).toBe(404);
      expect(response.headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-request-id': expect.any(String),
      });
      expect(await text(response)).not.toContain('secret');
      await vi.waitFor(() => expect(api.logs.join('')).toContain('"status":404'));
      expect(api.logs.join('')).not.toContain('secret');
    },
  );

  /** Posts headers and, without ending it, this much of the body; for a reply that does not wait for the rest. */
  async function announce(api: TestApi, headers: Record<string, string | number>, start?: string) {
    const posted = request(api.url, { method: 'POST', headers, agent: false });
    onTestFinished(() => {
      posted.destroy();
    });
    const answered = once(posted, 'response');
    // The server hangs up once it has refused.
    posted.on('error', () => {});
    posted.flushHeaders();
    if (start !== undefined) posted.write(start);
    const [response] = await answered;
    return { status: response.statusCode as number, reply: JSON.parse(await text(response)) as Reply };
  }
});

describe('closing', () => {
  test('a send that is under way is finished, and then nobody is let in', async () => {
    const api = await anApi();
    const people = await api.people(2);
    const [ann] = people;
    const messageGroupId = await startGroup(api, people);
    const { server, url, arrived, release } = await aServerThatWaits(api);

    const sending = postAlone(url, await bearer(api, ann), {
      query: CREATE_MESSAGE,
      variables: { input: { to: { messageGroupId }, body: 'last words' } },
    });
    await arrived;
    const closed = server.close();
    release();
    const { status, reply } = await sending;
    await closed;

    expect(status).toBe(200);
    expect(reply.data.createMessage).toMatchObject({ message: { sequence: 2 }, userErrors: [] });
    const { edges } = await listMessages(api, ann, { messageGroupId });
    expect(edges.map(({ node }) => node.body)).toEqual(['last words', 'hello']);
    await expect(fetch(url)).rejects.toThrow('fetch failed');
  });

  test('a client that would keep its connection open after its last reply does not hold the server up', {
    timeout: 10_000,
  }, async () => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const { server, url, arrived, release } = await aServerThatWaits(api);

    const asking = fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(await bearer(api, ann)) },
      body: JSON.stringify({ query: VIEWER }),
    });
    await arrived;
    const closed = server.close();
    release();
    const { data } = await replyOf(await asking);
    await closed;

    expect(data.viewer.handle).toBe(ann.handle);
    expect(server.server.listening).toBe(false);
  });

  test.each([
    ['was never used', ''],
    ['has nothing under way', 'GET /health/live HTTP/1.1\r\nHost: api\r\n\r\n'],
    [
      'has half of a request',
      'POST /graphql HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    ],
    ['has half of its headers', 'POST /graphql HTTP/1.1\r\nHost: '],
  ])('a connection that %s does not hold the server up', { timeout: 10_000 }, async (_, start) => {
    const api = await anApi();
    const { server, url } = await aServerThatWaits(api);
    const socket = await openConnection(url, start);
    if (start.startsWith('GET')) await once(socket, 'data');
    const hungUp = once(socket.resume(), 'close');

    await server.close();

    await hungUp;
    expect(server.server.listening).toBe(false);
  });

  test('what has arrived is answered, also where nobody had looked at it yet', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const { server, url, release } = await aServerThatWaits(api);
    const requests = Array.from({ length: 20 }, async () =>
      sendOperation(url, await api.issuer.token(ann.subject), VIEWER),
    );
    const sent = await Promise.all(requests);
    await Promise.all(sent.map((request) => request.sent));

    const closing = server.close();
    // Who is answered before may keep the connection.
    release();
    await closing;

    const answers = await Promise.all(sent.map(({ answer }) => answer));
    expect(answers.map(({ status, headers }) => [status, headers.connection])).toEqual(sent.map(() => [200, 'close']));
  });

  /** A second server over the same parts, which holds each request until it is released. */
  async function aServerThatWaits(api: TestApi) {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let arrive = () => {};
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const directory = cacheUsers(openDirectory(api.pool));
    const viewerOf = createViewers(createTokenVerifier(api.issuer.identity));
    const server = await createHttpServer({
      log: pino({ level: 'silent' }),
      local: false,
      sandboxToken: undefined,
      queryLimits: DEFAULT_QUERY_LIMITS,
      rateLimits: await openRateLimits(DEFAULT_RATE_LIMITS, pino({ level: 'silent' })),
      trustedProxies: [],
      overload: undefined,
      corsOrigins: [],
      messaging: {
        table: api.table,
        findUsersByHandle: directory.findByHandles,
        findUsersById: directory.findByIds,
        now: Date.now,
      },
      directory,
      directoryBreaker: directoryBreaker(),
      directoryBudgetMs: 15_000,
      viewerOf: async (token, observed) => {
        arrive();
        await released;
        return viewerOf(token, observed);
      },
      health: { checks: {}, isStopping: () => false },
      requestListeners: [],
    });
    await server.listen({ port: 0, host: '127.0.0.1' });
    onTestFinished(async () => {
      release();
      server.server.closeAllConnections();
      await server.close();
    });
    const url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}/graphql`;
    return { server, url, arrived, release: () => release() };
  }

  /** Posts an operation on a connection that ends with its reply. */
  async function postAlone(url: string, headers: Record<string, string>, operation: object) {
    const posted = request(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      agent: false,
    });
    posted.end(JSON.stringify(operation));
    const [response] = await once(posted, 'response');
    return { status: response.statusCode as number, reply: JSON.parse(await text(response)) as Reply };
  }
});
