import { setImmediate as turn } from 'node:timers/promises';
import { getIntrospectionQuery, getOperationAST, Lexer, parse, Source, TokenKind } from 'graphql';
import { describe, expect, test, vi } from 'vitest';
import { DEFAULT_QUERY_LIMITS } from '../../src/config/query-limits.ts';
import { costLimit } from '../../src/graphql/query-limits.ts';
import { SANDBOX_DOCUMENT } from '../../src/graphql/sandbox.ts';
import { createSchema } from '../../src/graphql/schema.ts';
import { anApi, type TestApi, useApi } from '../support/api.ts';
import type { Person } from '../support/people.ts';

useApi();

interface Outcome {
  readonly status: number;
  readonly code: string | undefined;
  readonly message: string | undefined;
}

async function outcomeOf(api: TestApi, person: Person, query: string, variables = {}): Promise<Outcome> {
  const response = await api.post(person, query, variables);
  const { errors } = (await response.json()) as Awaited<ReturnType<TestApi['reply']>>;
  return { status: response.status, code: errors?.[0]?.extensions.code, message: errors?.[0]?.message };
}

const PASSED = { status: 200, code: undefined, message: undefined };
const REFUSED = { status: 400, code: 'GRAPHQL_VALIDATION_FAILED' };

const times = (count: number, text: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => text(i)).join(' ');

const aliases = (count: number, field = 'id') => `{ viewer { ${times(count, (i) => `a${i}: ${field}`)} } }`;
const directives = (count: number) => `{ viewer { id ${times(count, () => '@include(if: true)')} } }`;
const INBOX = (first: number) =>
  `{ messageGroups(first: ${first}) { edges { node { members { id } lastMessage { sender { id } } } } } }`;

describe('what is just within a limit passes, and one more is 400 with a code', () => {
  test('depth', async () => {
    const query = '{ messageGroups { edges { node { lastMessage { sender { handle } } } } } }';
    const [within, over] = [await anApi({ queryLimits: { depth: 6 } }), await anApi({ queryLimits: { depth: 5 } })];
    const [ann] = await within.people(1);

    expect(await outcomeOf(within, ann, query)).toEqual(PASSED);
    expect(await outcomeOf(over, ann, query)).toEqual({
      ...REFUSED,
      message: 'Query depth limit of 5 exceeded, found 6.',
    });
  });

  test.each([
    ['aliases', (n: number) => aliases(n), 'Aliases'],
    ['aliases of __typename', (n: number) => aliases(n, '__typename'), 'Aliases'],
    [
      'aliases in fragments',
      (n: number) => `{ viewer { ...F } } fragment F on User { ${times(n, (i) => `a${i}: id`)} }`,
      'Aliases',
    ],
  ])('%s', async (_, query, name) => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const most = DEFAULT_QUERY_LIMITS.aliases;

    expect(await outcomeOf(api, ann, query(most))).toEqual(PASSED);
    expect(await outcomeOf(api, ann, query(most + 1))).toEqual({
      ...REFUSED,
      message: `${name} limit of ${most} exceeded, found ${most + 1}.`,
    });
  });

  test('directives', async () => {
    const api = await anApi({ queryLimits: { directives: 1 } });
    const [ann] = await api.people(1);

    expect(await outcomeOf(api, ann, directives(1))).toEqual(PASSED);
    expect(await outcomeOf(api, ann, '{ viewer { id @include(if: true) handle @include(if: true) } }')).toEqual({
      ...REFUSED,
      message: 'Directives limit of 1 exceeded, found 2.',
    });
  });

  test('uses of one name', async () => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const query = (count: number) => `{ viewer { ${times(count, () => 'handle')} } }`;
    const most = DEFAULT_QUERY_LIMITS.repetitions;

    expect(await outcomeOf(api, ann, query(most))).toEqual(PASSED);
    for (let count = 0; count < 2; count += 1) {
      expect(await outcomeOf(api, ann, query(most + 1))).toEqual({
        ...REFUSED,
        message: `Repetitions limit of ${most} exceeded, for the uses of one name.`,
      });
    }
    // Each is repeated, and none of them too often.
    expect(await outcomeOf(api, ann, `{ viewer { ${times(90, (i) => (i % 2 ? 'id' : 'handle'))} } }`)).toEqual(PASSED);
  });

  test('tokens', async () => {
    const query = '{ viewer { id } }';
    const [within, over] = [await anApi({ queryLimits: { tokens: 6 } }), await anApi({ queryLimits: { tokens: 5 } })];
    const [ann] = await within.people(1);

    expect(await outcomeOf(within, ann, query)).toEqual(PASSED);
    expect(await outcomeOf(over, ann, query)).toMatchObject({ status: 400, code: 'GRAPHQL_PARSE_FAILED' });
  });

  test.each([
    ['a page of the inbox', (limit: number) => [INBOX(limit), {}] as const, 20, 281],
    [
      'the same by a variable',
      (limit: number) =>
        [`query ($first: Int) ${INBOX(0).replace('first: 0', 'first: $first')}`, { first: limit }] as const,
      20,
      281,
    ],
  ])('cost of %s', async (_, request, size, cost) => {
    const [within, over] = [await anApi({ queryLimits: { cost } }), await anApi({ queryLimits: { cost: cost - 1 } })];
    const [ann] = await within.people(1);

    expect(await outcomeOf(within, ann, ...request(size))).toEqual(PASSED);
    expect(await outcomeOf(over, ann, ...request(size))).toEqual({
      ...REFUSED,
      message: `Cost limit of ${cost - 1} exceeded, found ${cost}.`,
    });
    expect(over.calls).toEqual([]);
  });
});

describe('what variables decide is counted anew each time', () => {
  test.each([
    ['the size of a page', `query ($first: Int) ${INBOX(0).replace('first: 0', 'first: $first')}`, 'first', [10, 100]],
    [
      'whether a page is asked for, by @include',
      `query ($x: Boolean!) { viewer { id } ...P @include(if: $x) } fragment P on Query ${INBOX(100)}`,
      'x',
      [false, true],
    ],
    [
      'whether a page is asked for, by @skip',
      `query ($x: Boolean!) { viewer { id } ...P @skip(if: $x) } fragment P on Query ${INBOX(100)}`,
      'x',
      [true, false],
    ],
  ])('%s', async (_, query, name, [within, over]) => {
    const api = await anApi({ queryLimits: { cost: 200 } });
    const [ann] = await api.people(1);
    const refused = { ...REFUSED, message: expect.stringMatching(/^Cost limit of 200 exceeded, found 140[12]\.$/) };

    for (const first of [over, within]) {
      // A document of its own for each order, though it asks for the same.
      const document = `${query} # ${first}`;
      const second = first === over ? within : over;
      for (const value of [first, second, second, first, first, second]) {
        const outcome = await outcomeOf(api, ann, document, { [name]: value });
        expect(outcome).toEqual(value === over ? refused : PASSED);
      }
    }
  });

  test('a variable’s default too', async () => {
    const api = await anApi({ queryLimits: { cost: 200 } });
    const [ann] = await api.people(1);
    const query = `query ($first: Int = 100) ${INBOX(0).replace('first: 0', 'first: $first')}`;

    const outcomes = [];
    for (const variables of [{}, { first: 10 }, {}, { first: 10 }]) {
      outcomes.push((await outcomeOf(api, ann, query, variables)).status);
    }

    expect(outcomes).toEqual([400, 200, 400, 200]);
  });

  test.each([
    ['that are two operations of one document', (first: string) => ({ operationName: first })],
    ['that have the same name in two documents', (first: string) => ({ document: first })],
  ])('operations %s are counted each for itself', async (_, request) => {
    const api = await anApi({ queryLimits: { cost: 200 } });
    const [ann] = await api.people(1);
    const cheap = `query Small ${INBOX(10)}`;
    const dear = `query Large ${INBOX(100)}`;
    const post = async (name: 'Small' | 'Large') => {
      const { operationName, document } = { operationName: undefined, document: undefined, ...request(name) };
      const query = document ? (name === 'Small' ? cheap : dear).replace(name, 'Same') : `${cheap} ${dear}`;
      const body = JSON.stringify({ query, operationName });
      const headers = {
        'content-type': 'application/json',
        authorization: `Bearer ${await api.issuer.token(ann.subject)}`,
      };
      return (await fetch(api.url, { method: 'POST', headers, body })).status;
    };

    const statuses = [];
    for (const name of ['Small', 'Large', 'Small', 'Large', 'Large', 'Small'] as const) statuses.push(await post(name));

    expect(statuses).toEqual([200, 400, 200, 400, 400, 200]);
  });
});

test.each([
  ['once, where it can cost no more whatever its variables are', 1_401, [true, false, false]],
  ['for each request, where it can cost more', 1_400, [true, true, true]],
])('a document is counted %s', async (_, cost, counted) => {
  const { requestDidStart } = costLimit({ ...DEFAULT_QUERY_LIMITS, cost });
  const document = parse(`query ($first: Int) ${INBOX(0).replace('first: 0', 'first: $first')}`);
  const operation = getOperationAST(document);
  const walks = vi.fn(() => document.definitions);
  const watched = Object.defineProperty({ ...document }, 'definitions', { get: walks });
  const isCounted = async (first: number) => {
    walks.mockClear();
    const listener = await requestDidStart?.({} as never);
    const request = { variables: { first } };
    await listener?.didResolveOperation?.({ schema: createSchema(), document: watched, operation, request } as never);
    return walks.mock.calls.length > 0;
  };

  expect([await isCounted(1), await isCounted(99), await isCounted(1)]).toEqual(counted);
});

test('a page of 100 with senders costs more than one of 10, and that more than one without', async () => {
  const api = await anApi({ queryLimits: { cost: 0 } });
  const [ann] = await api.people(1);
  const costOf = async (first: number, fields: string) => {
    const query = `{ messages(messageGroupId: "x", first: ${first}) { edges { node { body ${fields} } } } }`;
    return Number(/found (\d+)/.exec((await outcomeOf(api, ann, query)).message ?? '')?.[1]);
  };

  expect(await costOf(100, 'sender { handle }')).toBe(301);
  expect(await costOf(10, 'sender { handle }')).toBe(31);
  expect(await costOf(10, '')).toBe(21);
  expect(await costOf(1_000_000, '')).toBe(201);
});

test('a page that is too large is still refused for what it is', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);

  const { code, message } = await outcomeOf(api, ann, '{ messageGroups(first: 1000000) { edges { cursor } } }');

  expect({ code, message }).toEqual({ code: 'BAD_USER_INPUT', message: '`first` must be 1 to 100.' });
});

test('all operations of Sandbox, in one document, and its introspection are within the limits', async () => {
  const api = await anApi({ local: true });
  const [ann] = await api.people(1);

  const response = await api.post(ann, SANDBOX_DOCUMENT, {}, {});
  const { errors } = (await response.json()) as Awaited<ReturnType<TestApi['reply']>>;
  expect(errors?.[0]?.extensions.code).toBe('OPERATION_RESOLUTION_FAILURE');
  expect(tokensOf(SANDBOX_DOCUMENT)).toBeLessThan(DEFAULT_QUERY_LIMITS.tokens);
  expect(await outcomeOf(api, ann, getIntrospectionQuery())).toEqual(PASSED);
});

/** As large as a body may be. */
const SIZE = 96 * 1024;
const filled = (head: string, part: (index: number) => string, tail: string) => {
  const parts: string[] = [];
  for (let length = head.length + tail.length, i = 0; length < SIZE; i += 1) {
    const next = part(i);
    parts.push(next);
    length += next.length + 1;
  }
  return `${head}${parts.join(' ')}${tail}`;
};

/** A few hundred tokens that stand for 2^30 fields. */
const DOUBLING = `{ viewer { ...F0 } } ${times(30, (i) => `fragment F${i} on User { ...F${i + 1} ...F${i + 1} }`)} fragment F30 on User { id }`;

describe('a bomb is refused before it takes 50 ms', () => {
  test.each([
    ['of aliases', filled('{ viewer { ', (i) => `a${i}: id`, ' } }')],
    ['of aliases of a page', filled('{ ', (i) => `a${i}: messageGroups(first: 100) { edges { cursor } }`, ' }')],
    ['of fragments', filled('{ viewer { ...F0 } } ', (i) => `fragment F${i} on User { ...F${i + 1} }`, '')],
    ['of fragments that double', DOUBLING],
    ['of fields of the same name', filled('{ ', () => 'viewer { id }', ' }')],
    ['of directives', filled('{ viewer { id ', () => '@include(if: true)', ' } }')],
    ['of brackets', '{'.repeat(SIZE)],
    ['of lists in lists', `{ user(handle: ${'['.repeat(SIZE)} ) { id } }`],
    ['of one long name', `{ ${'a'.repeat(SIZE)} }`],
  ])('%s', async (_, query) => {
    const api = await anApi();
    const [ann] = await api.people(1);
    await outcomeOf(api, ann, '{ viewer { id } }');
    api.calls.length = 0;
    const attempts: { status: number; busyMs: number }[] = [];

    // The processor's time, of which the client here has a part: the best of three is the most that the bomb takes.
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const start = process.cpuUsage();
      const { status } = await outcomeOf(api, ann, query);
      await turn();
      const { user, system } = process.cpuUsage(start);
      attempts.push({ status, busyMs: (user + system) / 1_000 });
    }

    expect(attempts.map(({ status }) => status)).toEqual([400, 400, 400]);
    expect(api.calls).toEqual([]);
    expect(Math.min(...attempts.map(({ busyMs }) => busyMs))).toBeLessThan(50);
  });
});

function tokensOf(document: string): number {
  const lexer = new Lexer(new Source(document));
  let count = 0;
  while (lexer.advance().kind !== TokenKind.EOF) count += 1;
  return count;
}
