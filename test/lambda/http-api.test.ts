import { gunzipSync } from 'node:zlib';
import { auditServer } from 'graphql-http';
import { expect, test } from 'vitest';
import { createHttpApiHandler, type HttpApiReply } from '../../src/lambda/http-api.ts';
import type { HttpEvent } from '../../src/lambda/http-events.ts';
import { anApi, type TestApi, useApi } from '../support/api.ts';
import {
  fetchThrough,
  formatOneEvent,
  httpApiEvent,
  inBase64,
  loadBalancerEvent,
  restApiEvent,
  SOURCE_IP,
  underStage,
} from '../support/http-api.ts';
import { startGroup } from '../support/operations.ts';
import type { Person } from '../support/people.ts';

useApi();

const CONTEXT = { awsRequestId: '5f0c1c2e-6d1b-4e3a-9a55-0c6f3d2b1a90' };
const ADDRESS = new URL('https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/graphql');

async function aPost(api: TestApi, person: Person, query: string, variables: object = {}, headers: object = {}) {
  return httpApiEvent(ADDRESS, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${await api.issuer.token(person.subject)}`,
      ...headers,
    },
    body: JSON.stringify({ query, variables }),
  });
}

async function aGet(api: TestApi, person: Person, parameters: Record<string, string>, headers: object = {}) {
  const url = new URL(ADDRESS);
  url.search = new URLSearchParams(parameters).toString();
  return httpApiEvent(url, {
    headers: {
      authorization: `Bearer ${await api.issuer.token(person.subject)}`,
      'apollo-require-preflight': 'true',
      ...headers,
    },
  });
}

function dataOf({ body }: HttpApiReply) {
  return JSON.parse(body).data;
}

test('behind an HTTP API, too, the API does all that the GraphQL over HTTP specification demands', async () => {
  const api = await anApi({ local: true });
  const [ann] = await api.people(1);
  const fetchAsAnn = fetchThrough(createHttpApiHandler(api.server));
  const authorization = `Bearer ${await api.issuer.token(ann.subject)}`;

  const results = await auditServer({
    url: ADDRESS.href,
    fetchFn: (url: string, init: RequestInit = {}) =>
      fetchAsAnn(url, { ...init, headers: { ...init.headers, authorization } }),
  });

  expect(results.length).toBeGreaterThan(50);
  expect(results.filter(({ status }) => status === 'error').map(({ id, name }) => `${id} ${name}`)).toEqual([]);
});

test('a body is understood as text and as base64', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);
  const handler = createHttpApiHandler(api.server);
  const event = await aPost(api, ann, '{ viewer { handle } } # ünïcode');

  const replies = [await handler(event, CONTEXT), await handler(inBase64(event), CONTEXT)];

  for (const reply of replies) expect(dataOf(reply)).toEqual({ viewer: { handle: ann.handle } });
});

test('a query by GET keeps its commas, plus signs and repetitions', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);
  const handler = createHttpApiHandler(api.server);
  const query = 'query ($a: String!, $b: String!) { user(handle: $a) { id } other: user(handle: $b) { id } }';
  const event = await aGet(api, ann, { query, variables: JSON.stringify({ a: ann.handle, b: 'a+b' }) });

  const reply = await handler(event, CONTEXT);
  const twice = await handler({ ...event, rawQueryString: `${event.rawQueryString}&query=%7Bviewer%7D` }, CONTEXT);

  expect(dataOf(reply)).toEqual({ user: { id: ann.id }, other: null });
  expect(twice.statusCode).toBe(400);
});

test('an unchanged reply by GET is 304 without a body', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);
  const handler = createHttpApiHandler(api.server);
  const query = { query: '{ viewer { id } }' };

  const first = await handler(await aGet(api, ann, query), CONTEXT);
  const again = await handler(await aGet(api, ann, query, { 'if-none-match': first.headers['etag'] }), CONTEXT);

  expect(first.statusCode).toBe(200);
  expect(again).toMatchObject({ statusCode: 304, body: '' });
});

test('a long reply is compressed for a client that takes it, and goes as base64', async () => {
  const api = await anApi();
  const people = await api.people(12);
  await startGroup(api, people, 'x'.repeat(1024));
  const handler = createHttpApiHandler(api.server);
  const query = '{ messageGroups { edges { node { id members { id handle displayName } lastMessage { body } } } } }';

  const plain = await handler(await aPost(api, people[0], query), CONTEXT);
  const packed = await handler(await aPost(api, people[0], query, {}, { 'accept-encoding': 'gzip' }), CONTEXT);

  expect(plain.isBase64Encoded).toBe(false);
  expect(packed).toMatchObject({ isBase64Encoded: true, headers: { 'content-encoding': 'gzip' } });
  expect(gunzipSync(Buffer.from(packed.body, 'base64')).toString()).toBe(plain.body);
});

test('a request goes by Lambda’s id unless it has one, and the log names it and the client’s address', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);
  const handler = createHttpApiHandler(api.server);

  const unnamed = await handler(await aPost(api, ann, '{ viewer { id } }'), CONTEXT);
  const logged = api.logs.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'request');
  const named = await handler(await aPost(api, ann, '{ viewer { id } }', {}, { 'x-request-id': 'mine' }), CONTEXT);

  expect(unnamed.headers['x-request-id']).toBe(CONTEXT.awsRequestId);
  // Once the handler has resolved, a function sleeps: what is not logged by then comes with the next request.
  expect(logged).toMatchObject({ requestId: CONTEXT.awsRequestId, path: '/graphql', remoteAddress: SOURCE_IP });
  expect(named.headers['x-request-id']).toBe('mine');
});

test('without a token, and with two, a request is refused as it is over HTTP', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);
  const handler = createHttpApiHandler(api.server);
  const event = await aPost(api, ann, '{ viewer { id } }');
  const { authorization = '', ...headers } = event.headers;

  const none = await handler({ ...event, headers }, CONTEXT);
  const two = await handler(
    { ...event, headers: { ...headers, authorization: `${authorization},${authorization}` } },
    CONTEXT,
  );

  expect([none.statusCode, two.statusCode]).toEqual([401, 401]);
  expect(none.headers['www-authenticate']).toBe('Bearer realm="cruddur-messages"');
});

test('a page of another origin is answered its preflight, and an unknown path is 404', async () => {
  const api = await anApi({ corsOrigins: ['https://app.example.com'] });
  const handler = createHttpApiHandler(api.server);
  const preflight = httpApiEvent(ADDRESS, {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example.com', 'access-control-request-method': 'POST' },
  });

  const allowed = await handler(preflight, CONTEXT);
  const unknown = await handler(httpApiEvent(new URL('/nowhere', ADDRESS)), CONTEXT);

  expect(allowed).toMatchObject({
    statusCode: 204,
    headers: { 'access-control-allow-origin': 'https://app.example.com' },
  });
  expect(unknown.statusCode).toBe(404);
});

test('a request with an unknown method is 501', async () => {
  const api = await anApi();
  const handler = createHttpApiHandler(api.server);

  const reply = await handler(httpApiEvent(ADDRESS, { method: 'FOO' }), CONTEXT);

  expect(reply.statusCode).toBe(501);
  expect(JSON.parse(reply.body)).toMatchObject({ errors: [{ extensions: { code: 'BAD_REQUEST' } }] });
});

test('a load balancer’s port is no part of the client’s address, and does not make it another one', async () => {
  const api = await anApi({ rateLimits: { refusals: 1 } });
  const handler = createHttpApiHandler(api.server);
  const from = (port: number) => {
    const event = loadBalancerEvent(ADDRESS, { method: 'POST', headers: { authorization: 'Bearer wrong' } }, 'single');
    return handler({ ...event, headers: { ...event.headers, 'x-forwarded-for': `203.0.113.7:${port}` } }, CONTEXT);
  };

  const statuses = [(await from(50_001)).statusCode, (await from(50_002)).statusCode];

  expect(statuses).toEqual([401, 429]);
});

const SOURCES: Record<string, (url: URL, init: RequestInit) => HttpEvent> = {
  'an HTTP API with a named stage': (url, init) => underStage(httpApiEvent(url, init), 'prod'),
  'an HTTP API whose stage is called like the path': (url, init) => underStage(httpApiEvent(url, init), 'graphql'),
  'an HTTP API with payload format 1.0 and a named stage': (url, init) => formatOneEvent(url, init, 'prod'),
  'a REST API': (url, init) => restApiEvent(url, init, 'prod'),
  'a REST API whose stage is called like the path': (url, init) => restApiEvent(url, init, 'graphql'),
  'a load balancer': (url, init) => loadBalancerEvent(url, init, 'single'),
  'a load balancer with lists of values': (url, init) => loadBalancerEvent(url, init, 'multi'),
};

test.each(Object.entries(SOURCES))(
  'behind %s, queries by POST and GET work, and the log has the client’s address',
  async (_, event) => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const handler = createHttpApiHandler(api.server);
    const headers = {
      authorization: `Bearer ${await api.issuer.token(ann.subject)}`,
      'apollo-require-preflight': 'true',
    };
    const query = 'query ($a: String!, $b: String!) { user(handle: $a) { id } other: user(handle: $b) { id } }';
    const variables = JSON.stringify({ a: ann.handle, b: 'a+b, c&d %41' });
    const get = new URL(ADDRESS);
    get.search = new URLSearchParams({ query, variables }).toString();
    const post = { method: 'POST', headers: { ...headers, 'content-type': 'application/json' } };

    const byGet = await handler(event(get, { headers }), CONTEXT);
    const byPost = await handler(
      event(ADDRESS, { ...post, body: '{"query":"{ viewer { handle } } # ünïcode"}' }),
      CONTEXT,
    );
    const slashed = await handler(
      event(new URL(`${ADDRESS}/`), { ...post, body: '{"query":"{ viewer { handle } }"}' }),
      CONTEXT,
    );

    expect(dataOf(byGet)).toEqual({ user: { id: ann.id }, other: null });
    expect(dataOf(byPost)).toEqual({ viewer: { handle: ann.handle } });
    expect(dataOf(slashed)).toEqual({ viewer: { handle: ann.handle } });
    const logged = api.logs.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request');
    expect(logged).toMatchObject(Array(3).fill({ remoteAddress: SOURCE_IP, status: 200 }));
  },
);

test('a load balancer gets its headers in both forms, and a REST API no compressed body', async () => {
  const api = await anApi();
  const people = await api.people(12);
  await startGroup(api, people, 'x'.repeat(1024));
  const handler = createHttpApiHandler(api.server);
  const headers = {
    authorization: `Bearer ${await api.issuer.token(people[0].subject)}`,
    'apollo-require-preflight': 'true',
    'accept-encoding': 'gzip',
  };
  const get = new URL(ADDRESS);
  get.searchParams.set('query', '{ messageGroups { edges { node { id members { id } lastMessage { body } } } } }');

  const balanced = await handler(loadBalancerEvent(get, { headers }, 'multi'), CONTEXT);
  const rest = await handler(restApiEvent(get, { headers }, 'prod'), CONTEXT);

  expect(balanced).toMatchObject({
    isBase64Encoded: true,
    headers: { 'content-encoding': 'gzip' },
    multiValueHeaders: { 'content-encoding': ['gzip'] },
  });
  expect(rest.isBase64Encoded).toBe(false);
  expect(dataOf(rest).messageGroups.edges).toHaveLength(1);
});
