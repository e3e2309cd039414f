import { readFile } from 'node:fs/promises';
import { ApolloServer } from '@apollo/server';
import { makeExecutableSchema } from '@graphql-tools/schema';
import { buildSchema, getIntrospectionQuery, getOperationAST, type OperationDefinitionNode, parse } from 'graphql';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { compiledQueries } from '../../src/graphql/compiled-queries.ts';
import type { Context } from '../../src/graphql/context.ts';
import { anApi, type TestApi, useApi } from '../support/api.ts';
import { countCompilations } from '../support/compilations.ts';
import { answerWithError, proxyEngine } from '../support/engine-proxy.ts';
import { listMessages, send, startGroup } from '../support/operations.ts';
import { type Person, removePerson } from '../support/people.ts';

useApi();

let compilations: () => number;

beforeEach(() => {
  compilations = countCompilations();
});

interface World {
  readonly api: TestApi;
  readonly ann: Person;
  readonly ben: Person;
  /** Of Ann, Ben, and Cyd, whose account is gone; its first message and its newest are Cyd's. */
  readonly messageGroupId: string;
  /** Of the first of its three messages. */
  readonly oldest: string;
}

async function aWorld(options: Parameters<typeof anApi>[0] = {}): Promise<World> {
  const api = await anApi({ local: true, ...options });
  const [ann, ben, cyd] = await api.people(3);
  await startGroup(api, [ann, ben], 'for two');
  const messageGroupId = await startGroup(api, [cyd, ann, ben], 'for three');
  await send(api, ben, { messageGroupId }, 'Zoë says "hi"\n💬');
  await send(api, cyd, { messageGroupId }, 'bye');
  const { pageInfo } = await listMessages(api, ann, { messageGroupId });
  await removePerson(api.pool, cyd);
  // Who Cyd was is remembered for a while.
  api.age(60_000);
  return { api, ann, ben, messageGroupId, oldest: pageInfo.endCursor ?? '' };
}

interface Operation {
  readonly query: string;
  readonly operationName?: string;
  readonly variables?: Record<string, unknown>;
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** How many operations were compiled for it. */
  readonly compiled: number;
}

/** Of a reply's headers those that must be equal. */
const HEADERS = ['content-type', 'cache-control', 'retry-after', 'www-authenticate'];

async function answerTo({ api, ann }: World, operation: Operation, hide?: RegExp): Promise<Answer> {
  const before = compilations();
  const response = await fetch(api.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${await api.issuer.token(ann.subject)}` },
    body: JSON.stringify(operation),
  });
  const body = await response.text();
  const headers = Object.fromEntries([...response.headers].filter(([name]) => HEADERS.includes(name)));
  const compiled = compilations() - before;
  return { status: response.status, headers, body: hide ? body.replaceAll(hide, '…') : body, compiled };
}

/** Whether compiled code may answer: neither a mutation, nor with directives, nor with names that every object inherits. */
const mayCompile = ({ query }: Operation) => !/^\s*mutation|@|toString|constructor|__proto__/.test(query);

/**
 * Asks four times, one after the other: executed the first time, and by compiled code from the second on if that may be.
 *
 * @param hide what differs from one answer to the next
 */
async function expectFourEqual(
  world: World,
  operation: Operation,
  { hide, isCompiled = mayCompile(operation) }: { hide?: RegExp | undefined; isCompiled?: boolean } = {},
): Promise<Answer> {
  const answers: Answer[] = [];
  for (let time = 0; time < 4; time += 1) answers.push(await answerTo(world, operation, hide));
  const [first, ...others] = answers;
  if (!first) throw new Error('There is no answer');
  expect(answers.map(({ compiled }) => compiled)).toEqual([0, isCompiled ? 1 : 0, 0, 0]);
  for (const other of others) expect({ ...other, compiled: 0 }).toEqual({ ...first, compiled: 0 });
  return first;
}

const REQUEST_ID = /(?<="requestId":")[^"]*/g;
/** What differs from one message that is sent to the next. */
const SENT = /(?<="(sequence|messageCount|readSequence)":)\d+|(?<="(createdAt|id)":")[^"]*/g;

const SANDBOX = await readFile(new URL('../../schema/examples/sandbox.graphql', import.meta.url), 'utf8');

describe('the operations of Sandbox', () => {
  const names = parse(SANDBOX).definitions.map(
    (definition) => (definition as OperationDefinitionNode).name?.value ?? '',
  );

  test('are all of them asked for', () =>
    expect(names).toEqual(['Inbox', 'Page', 'Poll', 'Send', 'People', 'With', 'Start', 'MarkRead']));

  test.each(names)('%s', async (operationName) => {
    const world = await aWorld();
    const { messageGroupId, oldest: before, api } = world;
    const variables = { messageGroupId, ...(operationName === 'Poll' && { before }), sequence: 2 };
    // Whether there are people of the seed, to start a group with, is up to the other tests.
    const hide = ['Send', 'Start'].includes(operationName) ? SENT : undefined;
    const isCompiled = ['Inbox', 'Page', 'Poll', 'People', 'With'].includes(operationName);
    const first = await expectFourEqual(world, { query: SANDBOX, operationName, variables }, { hide, isCompiled });

    const { data, errors } = JSON.parse(first.body.replaceAll(':…', ':0'));
    expect(errors).toBeUndefined();
    // Whether the people of the seed have written to this viewer is up to the other tests too.
    if (operationName !== 'With') expect(Object.values(data)).not.toContain(null);
    if (operationName === 'Send') {
      const { edges } = await listMessages(api, world.ann, { messageGroupId });
      expect(edges.map(({ node }) => node.body).slice(0, 5)).toEqual([...Array(4).fill('Hello from Sandbox!'), 'bye']);
    }
  });

  test('are refused when none is named', async () => {
    const world = await aWorld();
    const answers = [await answerTo(world, { query: SANDBOX }), await answerTo(world, { query: SANDBOX })];

    expect(answers[1]).toEqual(answers[0]);
    expect(answers[0]).toMatchObject({ status: 400, compiled: 0 });
    expect(answers[0]?.body).toContain('OPERATION_RESOLUTION_FAILURE');
  });

  test('are each what they are, asked for in turns', async () => {
    const world = await aWorld();
    const { messageGroupId } = world;
    const turns = ['Inbox', 'Page', 'Inbox', 'Page', 'Page', 'Inbox'];
    const keys: string[][] = [];

    for (const operationName of turns) {
      const { body } = await answerTo(world, { query: SANDBOX, operationName, variables: { messageGroupId } });
      keys.push(Object.keys(JSON.parse(body).data));
    }

    expect(keys.map((each) => each.at(-1))).toEqual(
      turns.map((name) => (name === 'Inbox' ? 'messageGroups' : 'messages')),
    );
  });
});

/** What is asked for, and something that the answer has to hold. */
type Case = readonly [what: string, operation: (world: World) => Operation, holds: string];

const PAGE = 'query ($id: ID!, $first: Int) { messages(messageGroupId: $id, first: $first)';

const CASES: readonly Case[] = [
  [
    'fragments within fragments',
    ({ messageGroupId }) => ({
      query: `query ($id: ID!) { messageGroup(id: $id) { ...Group lastMessage { ...Text } } }
        fragment Group on MessageGroup { id members { ...Who } lastMessage { ...Text } }
        fragment Text on Message { body sender { ...Who } }
        fragment Who on User { handle }`,
      variables: { id: messageGroupId },
    }),
    '"sender":null',
  ],
  [
    'fields of the same name in several places, in their order',
    ({ messageGroupId }) => ({
      query: `query ($id: ID!) {
        messageGroup(id: $id) { kind lastMessage { body } }
        ... on Query { messageGroup(id: $id) { lastMessage { sequence body } id kind } }
      }`,
      variables: { id: messageGroupId },
    }),
    '{"kind":"GROUP","lastMessage":{"body":"bye","sequence":3},"id":',
  ],
  [
    'inline fragments, with and without a type',
    () => ({ query: '{ viewer { ... on User { handle } ... { displayName } ... @include(if: true) { id } } }' }),
    '"displayName"',
  ],
  [
    'aliases',
    ({ ben }) => ({
      query:
        'query ($h: String!) { me: viewer { name: handle handle: id } ben: user(handle: $h) { id } none: user(handle: "-") { id } }',
      variables: { h: ben.handle.toUpperCase() },
    }),
    '"none":null',
  ],
  [
    '__typename everywhere',
    () => ({
      query:
        '{ __typename a: __typename messageGroups { __typename edges { __typename node { __typename members { __typename } } } } }',
    }),
    '"__typename":"MessageGroupEdge"',
  ],
  [
    'lists of objects with lists, and an account that is gone',
    () => ({
      query: '{ messageGroups { edges { node { members { handle } lastMessage { body sender { handle } } } } } }',
    }),
    '"body":"for three","sender":null',
  ],
  [
    'a page with senders that are null',
    ({ messageGroupId }) => ({
      query: `${PAGE} { edges { cursor node { sequence body createdAt sender { id } } } pageInfo { hasNextPage endCursor } } }`,
      variables: { id: messageGroupId },
    }),
    'Zoë says \\"hi\\"\\n💬',
  ],
  [
    'an empty page',
    () => ({ query: '{ messageGroups(first: 1, after: null) { edges { cursor } pageInfo { startCursor } } }' }),
    '"startCursor":"',
  ],
  ...['toString', 'constructor', '__proto__'].map(
    (name): Case => [
      `a variable ${name}, which is not given`,
      () => ({ query: `query ($${name}: Int) { messageGroups(first: $${name}) { edges { cursor } } }` }),
      '"cursor"',
    ],
  ),
  ['introspection', () => ({ query: getIntrospectionQuery() }), '"MessageDestination"'],
  [
    'a type by its name',
    () => ({
      query: 'query ($name: String!) { __type(name: $name) { kind enumValues { name } } }',
      variables: { name: 'MessageGroupKind' },
    }),
    '{"name":"DIRECT"}',
  ],
  [
    'a group that is not there',
    () => ({ query: '{ viewer { handle }\n  gone: messageGroup(id: "x") { id } }' }),
    '"locations":[{"line":2,"column":3}],"path":["gone"],"extensions":{"code":"NOT_FOUND"}',
  ],
  [
    'several groups that are not there',
    () => ({ query: '{ a: messageGroup(id: "x") { id } b: messages(messageGroupId: "y") { edges { cursor } } }' }),
    '"path":["a"]',
  ],
  [
    'a page size that is refused',
    ({ messageGroupId }) => ({
      query: `${PAGE} { edges { cursor } } viewer { id } }`,
      variables: { id: messageGroupId, first: 101 },
    }),
    '"path":["messages"],"extensions":{"code":"BAD_USER_INPUT"}',
  ],
  [
    'a refusal where nothing may be null',
    () => ({ query: '{ viewer { id } messageGroups(after: "junk") { edges { cursor } } }' }),
    '"data":null',
  ],
  [
    'input that a person got wrong',
    ({ ann }) => ({
      query:
        'mutation ($to: MessageDestination!) { createMessage(input: { to: $to, body: " " }) { deduplicated message { id } userErrors { code path } } }',
      variables: { to: { recipientHandles: [ann.handle, '-'] } },
    }),
    '"userErrors":[{"code":"',
  ],
  [
    'a number in place of an id',
    () => ({
      query: `query ($id: ID!) { messageGroup(id: $id) { id } }`,
      variables: { id: 12 },
    }),
    '"code":"NOT_FOUND"',
  ],
  [
    'one value in place of a list',
    () => ({
      query: 'mutation ($input: CreateMessageInput!) { createMessage(input: $input) { userErrors { code path } } }',
      variables: { input: { to: { recipientHandles: '-' }, body: 'x' } },
    }),
    '"path":["input","to","recipientHandles","0"]',
  ],
  [
    'a variable within input that is not given',
    () => ({
      query: `mutation ($key: ID, $handles: [String!]!, $body: String! = " ") {
        createMessage(input: { to: { recipientHandles: $handles }, body: $body, clientMessageId: $key }) { userErrors { code } }
      }`,
      variables: { handles: ['-'] },
    }),
    '{"code":"BODY_BLANK"}',
  ],
  [
    'mutations one after the other',
    ({ messageGroupId }) => ({
      query: `mutation ($id: ID!) {
        a: markMessageGroupRead(input: { messageGroupId: $id, sequence: 3 }) { messageGroup { unreadCount } userErrors { code } }
        b: markMessageGroupRead(input: { messageGroupId: $id, sequence: 99 }) { messageGroup { id } userErrors { code } }
      }`,
      variables: { id: messageGroupId },
    }),
    '"b":{"messageGroup":null,"userErrors":[{"code":"SEQUENCE_OUT_OF_RANGE"}]}',
  ],
];

test.each(CASES)('%s: compiled code answers as graphql-js does', async (_, operation, holds) => {
  const world = await aWorld();

  const { body } = await expectFourEqual(world, operation(world));

  expect(body).toContain(holds);
});

const TO = `mutation ($to: MessageDestination!, $body: String = "hi") {
  createMessage(input: { to: $to, body: $body }) { userErrors { code } }
}`;

test.each<readonly [string, Operation]>([
  ['of the wrong type', { query: `${PAGE} { edges { cursor } } }`, variables: { id: 'x', first: 'ten' } }],
  ['too large for an Int', { query: `${PAGE} { edges { cursor } } }`, variables: { id: 'x', first: 2 ** 31 } }],
  ['that are missing', { query: `${PAGE} { edges { cursor } } }` }],
  ['that are null and must not be', { query: `${PAGE} { edges { cursor } } }`, variables: { id: null } }],
  ['of @oneOf with none given', { query: TO, variables: { to: {} } }],
  ['of @oneOf with both given', { query: TO, variables: { to: { messageGroupId: 'x', recipientHandles: ['y'] } } }],
  ['of @oneOf with a null', { query: TO, variables: { to: { messageGroupId: null } } }],
  ['with a field that there is not', { query: TO, variables: { to: { messageGroupId: 'x', handle: 'y' } } }],
])('variables %s are refused alike, and call nobody', async (_, operation) => {
  const world = await aWorld();
  world.api.calls.length = 0;

  const { body } = await expectFourEqual(world, operation, { isCompiled: false });

  expect(JSON.parse(body).errors[0].extensions).toEqual({ code: 'BAD_USER_INPUT' });
  expect(world.api.calls).toEqual([]);
});

test('what variables include and skip, and their defaults, are looked at anew each time', async () => {
  const world = await aWorld();
  const query = `query ($x: Boolean! = true, $y: Boolean!, $first: Int = 1) {
    viewer { id @include(if: $x) ...F @skip(if: $y) }
    messageGroups(first: $first) @include(if: $y) { edges { node { id @skip(if: $x) kind } } }
  }
  fragment F on User { handle }`;
  const variables = [
    { y: true },
    { y: false },
    { x: false, y: true },
    { x: false, y: false },
    { y: true, first: 2 },
    { x: false, y: true, first: 2 },
  ];
  // An operation of its own for each, which is executed.
  const executed: Answer[] = [];
  for (const [index, each] of variables.entries())
    executed.push(await answerTo(world, { query: `${query} # ${index}`, variables: each }));
  expect(executed.map(({ compiled }) => compiled)).toEqual(variables.map(() => 0));
  expect(new Set(executed.map(({ body }) => body)).size).toBe(variables.length);

  const compiled: Answer[] = [];
  await answerTo(world, { query, variables: { y: true } });
  for (const each of [...variables, ...variables]) compiled.push(await answerTo(world, { query, variables: each }));

  expect(compiled.map((each) => each.compiled)).toEqual(Array(2 * variables.length).fill(0));
  expect(compiled.map(({ body }) => body)).toEqual([...executed, ...executed].map(({ body }) => body));
});

test('a fault of the engine is masked alike, with the id of each request', async () => {
  let failing = false;
  const dynamodbEndpoint = await proxyEngine(
    ({ operation, outgoing }) =>
      failing && operation === 'Query' && answerWithError(outgoing, 400, 'ValidationException'),
  );
  const world = await aWorld({ dynamodbEndpoint });
  const query = '{ viewer { handle } messages(messageGroupId: "GROUP") { edges { cursor } } }'.replace(
    'GROUP',
    world.messageGroupId,
  );
  failing = true;

  const { body } = await expectFourEqual(world, { query }, { hide: REQUEST_ID });

  expect(JSON.parse(body).errors).toEqual([
    {
      message: 'Something went wrong on our side.',
      locations: [{ line: 1, column: 21 }],
      path: ['messages'],
      extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: '…' },
    },
  ]);
  const ids = world.api.logs
    .filter((line) => line.includes('"request failed"'))
    .map((line) => JSON.parse(line).requestId);
  expect(new Set(ids).size).toBe(4);
});

test('an engine that does not answer is 503 with Retry-After alike', async () => {
  let failing = false;
  const dynamodbEndpoint = await proxyEngine(
    ({ operation, outgoing }) =>
      failing && operation === 'Query' && answerWithError(outgoing, 500, 'InternalServerError'),
  );
  const world = await aWorld({ dynamodbEndpoint });
  failing = true;

  const answer = await expectFourEqual(world, { query: '{ messageGroups { edges { cursor } } }' });

  expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
});

const FIELDS = Array.from({ length: 240 }, (_, index) => `a${index}: field`).join(' ');

test.each([
  ['500 operations are kept compiled, and no more', 501, 'field'],
  ['operations are kept compiled, of large documents fewer', 60, FIELDS],
])('the latest %s', async (_, count, fields) => {
  // Otherwise there would not be time to compile them all.
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const schema = buildSchema('type Query { field: Int }');
  const { requestDidStart } = compiledQueries(schema);
  const operations = Array.from({ length: count }, (_, index) => {
    const document = parse(`query Q${index} { ${fields} }`);
    return { document, operation: getOperationAST(document), operationName: `Q${index}` };
  });
  const execute = async (operation: (typeof operations)[number] | undefined) => {
    const before = compilations();
    const listener = await requestDidStart?.({} as never);
    await listener?.responseForOperation?.({ ...operation, request: {}, contextValue: {} as Context } as never);
    return compilations() > before;
  };

  for (const operation of operations) expect(await execute(operation)).toBe(false);
  for (const operation of operations) expect(await execute(operation)).toBe(true);

  expect(await execute(operations.at(-1))).toBe(false);
  expect(await execute(operations[1])).toBe(fields === FIELDS);
  expect(await execute(operations[0])).toBe(true);
});

test('a query that fails in compiled code is executed again, and reads nothing twice', async () => {
  const world = await aWorld();
  const { api, ann, ben, messageGroupId } = world;
  const query = `query ($id: ID!, $handle: String!) {
    messageGroup(id: $id) { members { handle } lastMessage { sender { handle } } }
    messages(messageGroupId: $id) { edges { node { body sender { handle } } } }
    messageGroups { edges { node { createdAt members { handle } } } }
    user(handle: $handle) { id }
    gone: messageGroup(id: "x") { id }
  }`;
  const operation = { query, variables: { id: messageGroupId, handle: ben.handle } };
  const readsOf = async () => {
    // Nobody is remembered from one request to the next.
    api.age(60_000);
    await api.ask(ann, '{ viewer { id } }');
    api.calls.length = 0;
    api.statements.length = 0;
    const { body, compiled } = await answerTo(world, operation);
    const calls = api.calls.map((call) => call.operation).sort();
    return { body, compiled, calls, searches: api.statements.filter((text) => text.includes('lower(handle')) };
  };

  // The profiles of the inbox come from a cache from here on.
  await api.ask(ann, '{ messageGroups { edges { node { createdAt } } } }');
  const executed = await readsOf();
  const compiled = [await readsOf(), await readsOf()];

  expect(executed.body).toContain('"code":"NOT_FOUND"');
  expect(executed.calls.length).toBeGreaterThan(3);
  expect(executed.searches).toHaveLength(1);
  expect(compiled[0]).toEqual({ ...executed, compiled: 1 });
  expect(compiled[1]).toEqual(executed);
});

test('a mutation is executed once, and none of its fields after a top-level error', async () => {
  const executed: string[] = [];
  const schema = makeExecutableSchema({
    typeDefs: 'type Query { field: Int } type Mutation { fails: Int! follows: Int }',
    resolvers: {
      Mutation: {
        fails: () => {
          executed.push('fails');
          throw new Error('It failed');
        },
        follows: () => void executed.push('follows'),
      },
    },
  });
  const server = new ApolloServer<Context>({ schema, plugins: [compiledQueries(schema)] });
  await server.start();
  onTestFinished(() => server.stop());

  for (let time = 0; time < 3; time += 1) {
    const { body } = await server.executeOperation(
      { query: 'mutation { fails follows }' },
      { contextValue: {} as Context },
    );
    expect(body).toMatchObject({ singleResult: { data: null, errors: [{ message: 'It failed' }] } });
    expect(executed.splice(0)).toEqual(['fails']);
  }
  expect(compilations()).toBe(0);
});
