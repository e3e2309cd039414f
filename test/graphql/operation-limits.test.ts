import { createHash, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createHttpApiHandler } from '../../src/lambda/http-api.ts';
import { readNewest } from '../../src/table/log.ts';
import { anApi, type Reply, type TestApi, type TestApiOptions, useApi } from '../support/api.ts';
import { groupIdOf, sendAs } from '../support/groups.ts';
import { fetchThrough } from '../support/http-api.ts';
import type { Person } from '../support/people.ts';

useApi();

interface Request {
  readonly query?: string;
  readonly operationName?: string;
  readonly variables?: object;
  readonly extensions?: object;
}

interface Outcome {
  readonly status: number;
  readonly code: string | undefined;
}

interface World {
  readonly api: TestApi;
  readonly ann: Person;
  readonly messageGroupId: string;
}

/** Ann has a group, and her token and her row of the directory are known to the API. */
async function aWorld(options: TestApiOptions = {}): Promise<World> {
  const api = await anApi(options);
  const [ann, ben] = await api.people(2);
  const messageGroupId = groupIdOf([ann, ben]);
  await sendAs(api.table, [ann, ben], ann, 'the only message');
  await api.ask(ann, '{ viewer { id } }');
  api.calls.length = 0;
  api.statements.length = 0;
  return { api, ann, messageGroupId };
}

type Way = (world: World, request: Request, headers?: object) => Promise<Outcome>;

/** Every way in which a request comes to the API. */
const WAYS: Readonly<Record<string, Way>> = {
  POST: (world, request, headers) => sendBy(fetch, world, 'POST', request, headers),
  GET: (world, request, headers) => sendBy(fetch, world, 'GET', request, headers),
  'a persisted query': (world, request, headers) => sendBy(fetch, world, 'POST', persisted(request), headers),
  'Lambda by POST': (world, request, headers) => sendBy(lambda(world), world, 'POST', request, headers),
  'Lambda by GET': (world, request, headers) => sendBy(lambda(world), world, 'GET', request, headers),
};
const WAYS_OF_MUTATIONS = Object.entries(WAYS).filter(([name]) => !name.includes('GET'));

function lambda({ api }: World): typeof fetch {
  return fetchThrough(createHttpApiHandler(api.server));
}

function persisted(request: Request): Request {
  const sha256Hash = createHash('sha256')
    .update(request.query ?? '')
    .digest('hex');
  return { ...request, extensions: { persistedQuery: { version: 1, sha256Hash } } };
}

async function sendBy(
  by: typeof fetch,
  { api, ann }: World,
  method: 'GET' | 'POST',
  request: Request,
  more: object = {},
): Promise<Outcome> {
  const authorization = `Bearer ${await api.issuer.token(ann.subject)}`;
  const headers = { authorization, 'content-type': 'application/json', 'apollo-require-preflight': 'true', ...more };
  const url = new URL(api.url);
  if (method === 'GET') {
    for (const [name, value] of Object.entries(request)) {
      url.searchParams.set(name, typeof value === 'string' ? value : JSON.stringify(value));
    }
  }
  const response = await by(url, { method, headers, ...(method === 'POST' && { body: JSON.stringify(request) }) });
  const { errors } = (await response.json()) as Reply;
  return { status: response.status, code: errors?.[0]?.extensions.code };
}

/** Expects that nothing was asked of DynamoDB or the directory since the world was made, and that nothing was sent. */
async function expectNothingRan({ api, messageGroupId }: World): Promise<void> {
  expect(api.calls).toEqual([]);
  expect(api.statements).toEqual([]);
  const { messages } = await readNewest(api.table, messageGroupId, 10);
  expect(messages.map(({ body }) => body)).toEqual(['the only message']);
  api.calls.length = 0;
}

const PASSED = { status: 200, code: undefined };
const INVALID = { status: 400, code: 'GRAPHQL_VALIDATION_FAILED' };
const times = (count: number, text: (index: number) => string) => Array.from({ length: count }, (_, i) => text(i));
const INBOX = '{ messageGroups(first: 1) { edges { cursor } } }';
const SEND = `createMessage(input: { to: { messageGroupId: $id }, body: "it ran" }) { message { id } }`;
const inboxes = (count: number) => `{ ${times(count, (i) => `a${i}: messageGroups { edges { cursor } }`).join(' ')} }`;
const included = (count: number) => `{ messageGroups { edges { cursor ${'@include(if: true)'.repeat(count)} } } }`;
/** So many selections that select nothing new, with few uses of one name. */
const selections = (count: number) =>
  '... { ... { ... { ... { __typename } } } } '.repeat(count / 5) + '__typename '.repeat(count % 5);
/** A document of so many selections, of which most are uses of fragments that select nothing new. */
const selecting = (count: number) => {
  const fragment = `fragment F on Query { ${selections(99)} }`;
  // Each use counts itself and the 99 selections of the fragment.
  const uses = Math.floor((count - 2) / 100);
  const rest = count - 2 - uses * 100;
  return `{ messageGroups { pageInfo { hasNextPage } } ${'...F '.repeat(uses)} ${selections(rest - 1)} } ${fragment}`;
};

const QUERY_LIMITS: readonly (readonly [
  string,
  NonNullable<TestApiOptions['queryLimits']>,
  (size: number) => Request,
  number,
  Outcome,
])[] = [
  [
    'depth',
    { depth: 3 },
    (n) => ({ query: n > 3 ? '{ messageGroups { edges { node { id } } } }' : INBOX }),
    3,
    INVALID,
  ],
  ['aliases', { aliases: 2 }, (n) => ({ query: inboxes(n) }), 2, INVALID],
  [
    'directives',
    { directives: 1 },
    (n) => ({ query: included(n).replace('true)@include', 'true) id: cursor @include') }),
    1,
    INVALID,
  ],
  [
    'tokens',
    { tokens: 14 },
    (n) => ({ query: n > 14 ? '{ messageGroups(first: 1) { edges { cursor x } } }' : INBOX }),
    14,
    { status: 400, code: 'GRAPHQL_PARSE_FAILED' },
  ],
  [
    'uses of one name',
    {},
    (n) => ({ query: `{ messageGroups { ${'pageInfo { hasNextPage } '.repeat(n)} } }` }),
    50,
    INVALID,
  ],
  ['selections', { tokens: 10_000 }, (n) => ({ query: selecting(n) }), 2_000, INVALID],
  ['cost', { cost: 11 }, (n) => ({ query: `{ messageGroups(first: ${n}) { edges { cursor } } }` }), 10, INVALID],
  [
    'cost by a variable',
    { cost: 11 },
    (n) => ({ query: 'query ($n: Int = 10) { messageGroups(first: $n) { edges { cursor } } }', variables: { n } }),
    10,
    INVALID,
  ],
  [
    'cost by a directive',
    { cost: 11 },
    (n) => ({
      query:
        'query ($x: Boolean!) { messageGroups(first: 10) { edges { cursor } edges @include(if: $x) { ...E } } } fragment E on MessageGroupEdge { node { id } }',
      variables: { x: n > 10 },
    }),
    10,
    INVALID,
  ],
  [
    'cost of the operation that is named',
    { cost: 11 },
    (n) => ({
      query: `query A ${INBOX} query B { messageGroups(first: 100) { edges { cursor } } }`,
      operationName: n > 10 ? 'B' : 'A',
    }),
    10,
    INVALID,
  ],
];

describe.each(QUERY_LIMITS)('the limit of %s', (_, queryLimits, request, most, refused) => {
  test('is the same in every way, and nothing of what is over it runs', async () => {
    const world = await aWorld({ queryLimits });

    for (const [way, send] of Object.entries(WAYS)) {
      // The second time, an operation that costs too much by its variables alone is known to the caches.
      for (const time of [1, 2]) {
        expect([way, time, await send(world, request(most))]).toEqual([way, time, PASSED]);
        expect(world.api.calls.length).toBeGreaterThan(0);
        world.api.calls.length = 0;
        expect([way, time, await send(world, request(most + 1))]).toEqual([way, time, refused]);
        await expectNothingRan(world);
      }
    }
  });
});

const MARK_READ = `mutation {
  markMessageGroupRead(input: { messageGroupId: "${randomUUID()}", sequence: 1 }) { userErrors { code } }
}`;

test.each([
  ['reads', Object.entries(WAYS), INBOX],
  ['sends', WAYS_OF_MUTATIONS, MARK_READ],
] as const)(
  'the limit of %s in a minute is the same in every way, and nothing of what is over it runs',
  async (limit, ways, query) => {
    for (const [way, send] of ways) {
      const api = await anApi({ rateLimits: { [limit]: 2 } });
      const [ann] = await api.people(1);
      const world = { api, ann, messageGroupId: '' };

      const outcomes = [await send(world, { query }), await send(world, { query })];
      const within = api.calls.splice(0);
      api.statements.length = 0;
      const over = await send(world, { query });

      expect([way, ...outcomes]).toEqual([way, PASSED, PASSED]);
      expect(within.length).toBeGreaterThan(0);
      expect([way, over]).toEqual([way, { status: 429, code: 'RATE_LIMITED' }]);
      expect([api.calls, api.statements]).toEqual([[], []]);
    }
  },
);

const UNKNOWN = { status: 400, code: 'OPERATION_RESOLUTION_FAILURE' };
const NOT_BY_GET = { status: 405, code: 'BAD_REQUEST' };
const MUTATION = `mutation Send($id: ID!) { ${SEND} }`;
const LONG_NAME = 'x'.repeat(10_000);

const REFUSED: readonly (readonly [name: string, request: Request, refused: Outcome, byGet: Outcome])[] = [
  ['a query under another name', { query: `query A ${INBOX}`, operationName: 'X' }, UNKNOWN, UNKNOWN],
  ['a query under an empty name', { query: `query A ${INBOX}`, operationName: '' }, UNKNOWN, UNKNOWN],
  ['a query without a name under an empty name', { query: INBOX, operationName: '' }, UNKNOWN, UNKNOWN],
  ['a mutation under another name', { query: MUTATION, operationName: 'X' }, UNKNOWN, UNKNOWN],
  ['a mutation under an empty name', { query: MUTATION, operationName: '' }, UNKNOWN, UNKNOWN],
  ['a mutation under a name that every object has', { query: MUTATION, operationName: 'toString' }, UNKNOWN, UNKNOWN],
  ['several operations without a name', { query: `query A ${INBOX} ${MUTATION}` }, UNKNOWN, UNKNOWN],
  ['a mutation', { query: MUTATION }, PASSED, NOT_BY_GET],
  ['a mutation beside a query', { query: `query A ${INBOX} ${MUTATION}`, operationName: 'Send' }, PASSED, NOT_BY_GET],
  ['a subscription', { query: `subscription { ${LONG_NAME} }` }, INVALID, INVALID],
  ['a subscription of a field of queries', { query: `subscription ${INBOX}` }, INVALID, INVALID],
  [
    'a query beside a subscription',
    { query: `query A ${INBOX} subscription B { x }`, operationName: 'A' },
    INVALID,
    INVALID,
  ],
  [
    'a mutation beside a subscription',
    { query: `${MUTATION} subscription B { x }`, operationName: 'Send' },
    INVALID,
    INVALID,
  ],
];

test.each(REFUSED)('%s is refused in every way, and nothing of it runs', async (_, request, refused, byGet) => {
  const world = await aWorld();
  const asked = { ...request, ...(request.query?.includes('$id') && { variables: { id: world.messageGroupId } }) };

  for (const [way, send] of Object.entries(WAYS)) {
    const expected = way.includes('GET') ? byGet : refused;
    if (expected === PASSED) continue;
    for (const time of [1, 2, 3]) expect([way, time, await send(world, asked)]).toEqual([way, time, expected]);
  }
  await expectNothingRan(world);
});

test('a request that accepts no reply that there is is 406 in every way, and nothing of it runs', async () => {
  const world = await aWorld();
  const refused = { status: 406, code: 'BAD_REQUEST' };
  const mutation = { query: MUTATION, variables: { id: world.messageGroupId } };

  for (const accept of ['text/html', 'application/json;q=0', 'multipart/mixed']) {
    for (const [way, send] of WAYS_OF_MUTATIONS) {
      expect([way, await send(world, mutation, { accept })]).toEqual([way, refused]);
    }
    for (const [way, send] of Object.entries(WAYS)) {
      for (const time of [1, 2, 3]) {
        expect([way, time, await send(world, { query: INBOX }, { accept })]).toEqual([way, time, refused]);
      }
    }
  }
  await expectNothingRan(world);
});

test.each([
  ['a hash of another text', { version: 1, sha256Hash: 'a'.repeat(64) }],
  ['a version that there is not', { version: 2, sha256Hash: 'a'.repeat(64) }],
  ['no hash', { version: 1 }],
  ['a hash that is an object', { version: 1, sha256Hash: { toString: null, valueOf: null } }],
  ['no object', true],
])('a persisted query with %s is BAD_REQUEST, and nothing of it runs', async (_, persistedQuery) => {
  const world = await aWorld();

  for (const [way, send] of WAYS_OF_MUTATIONS.filter(([name]) => name !== 'a persisted query')) {
    const request = { query: MUTATION, variables: { id: world.messageGroupId }, extensions: { persistedQuery } };
    expect([way, await send(world, request)]).toEqual([way, { status: 400, code: 'BAD_REQUEST' }]);
  }
  await expectNothingRan(world);
});

test('a persisted query by a hash that is no string is not found', async () => {
  const world = await aWorld();
  const extensions = { persistedQuery: { version: 1, sha256Hash: { toString: null, valueOf: null } } };

  for (const [way, send] of Object.entries(WAYS).filter(([name]) => name !== 'a persisted query')) {
    expect([way, await send(world, { extensions })]).toEqual([way, { status: 200, code: 'PERSISTED_QUERY_NOT_FOUND' }]);
  }
  await expectNothingRan(world);
});

test.each([
  ['an argument', 'query ($x: ID = "none") { messageGroup(id: $x) { id } }', { x: null }],
  ['a directive', 'query ($x: Boolean = true) { messageGroups @include(if: $x) { edges { cursor } } }', { x: null }],
  [
    'an input',
    'mutation ($x: String = "hi") { createMessage(input: { to: { messageGroupId: "none" }, body: $x }) { message { id } } }',
    { x: null },
  ],
  ['a variable', 'query ($x: ID!) { messageGroup(id: $x) { id } }', { x: null }],
])('null where it may not be, for %s, is BAD_USER_INPUT, and nothing runs', async (_, query, variables) => {
  const world = await aWorld();

  for (const time of [1, 2, 3]) {
    const { code } = await sendBy(fetch, world, 'POST', { query, variables });
    expect([time, code]).toEqual([time, 'BAD_USER_INPUT']);
  }
  await expectNothingRan(world);
});

test('a condition of a directive that is null is refused before anything runs, because it could end the process', async () => {
  const world = await aWorld();
  const query = `query ($x: Boolean = true) {
    messageGroups { edges { node { id members { id ...F } } } }
  }
  fragment F on User { handle @include(if: $x) }`;

  for (const [way, send] of Object.entries(WAYS)) {
    for (const time of [1, 2, 3]) {
      const outcome = await send(world, { query, variables: { x: null } });
      expect([way, time, outcome]).toEqual([way, time, { status: 400, code: 'BAD_USER_INPUT' }]);
    }
  }
  await expectNothingRan(world);
});

test('all errors of a variable with more faults than graphql-js lists are BAD_USER_INPUT', async () => {
  const world = await aWorld();
  const query = `mutation ($to: [String!]!) {
    createMessage(input: { to: { recipientHandles: $to }, body: "it ran" }) { deduplicated }
  }`;

  const { errors = [] } = await world.api.reply(world.ann, query, {
    to: Array.from({ length: 60 }, (_, index) => index),
  });

  expect(errors.length).toBeGreaterThan(50);
  expect(new Set(errors.map(({ extensions }) => extensions.code))).toEqual(new Set(['BAD_USER_INPUT']));
  await expectNothingRan(world);
});
