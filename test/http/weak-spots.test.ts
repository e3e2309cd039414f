import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

import { expect, onTestFinished, test } from 'vitest';
import { encodeCursor, messagesList } from '../../src/table/cursors.ts';
import { anApi, type TestApi, useApi } from '../support/api.ts';
import { countCompilations } from '../support/compilations.ts';
import { listMessages, startGroup } from '../support/operations.ts';
import type { Person } from '../support/people.ts';

useApi();

const VIEWER = '{ viewer { handle } }';
const CREATE = 'mutation ($i: CreateMessageInput!) { createMessage(input: $i) { deduplicated } }';

/** Small requests that once took seconds of the process, or got past a limit. */

async function errorOf(response: Response): Promise<[number, string | undefined]> {
  const { errors } = (await response.json()) as { errors?: { extensions: { code: string } }[] };
  return [response.status, errors?.[0]?.extensions.code];
}

/** Gets a path as a person, exactly as it is spelled. */
async function getRaw(api: TestApi, person: Person, path: string): Promise<Response> {
  return fetch(`${new URL(api.url).origin}${path}`, {
    headers: { authorization: `Bearer ${await api.issuer.token(person.subject)}`, 'apollo-require-preflight': '1' },
  });
}

async function postBody(api: TestApi, person: Person, body: object): Promise<Response> {
  const authorization = `Bearer ${await api.issuer.token(person.subject)}`;
  return fetch(api.url, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

test.each([
  ['48,000 values', 'query ($h: [String!]!) { messageGroupWith(handles: $h) { id } }', { h: Array(24_000).fill(1) }],
  ['9,000 unknown keys', CREATE, { i: Object.fromEntries(Array.from({ length: 9_000 }, (_, key) => [`k${key}`, 1])) }],
  [
    'a long text around 50 unknown keys',
    CREATE,
    { i: { body: 'x'.repeat(90_000), ...Object.fromEntries(Array.from({ length: 50 }, (_, key) => [`k${key}`, 1])) } },
  ],
])('variables with %s are one short error', async (_, query, variables) => {
  const api = await anApi();
  const [ann] = await api.people(1);

  const response = await api.post(ann, query, variables);
  const reply = await response.text();

  expect(response.status).toBe(400);
  expect(JSON.parse(reply).errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  expect(reply.length).toBeLessThan(500);
});

test('a GET whose query string is no valid UTF-8 meets the limit of repeated names too', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);
  const query = `{viewer{${'id '.repeat(60)}}}`;

  const response = await getRaw(api, ann, `/graphql?query=${encodeURIComponent(query)}%23%FF`);

  expect(await errorOf(response)).toEqual([400, 'GRAPHQL_VALIDATION_FAILED']);
});

test('queries that are new again and again are compiled for a tenth of the time', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);
  const compilations = countCompilations(40);
  const pages = Array.from({ length: 15 }, (_, index) => `x${index}: edges { cursor node { ...A } }`).join(' ');
  const fragment = 'fragment A on MessageGroup { id kind createdAt messageCount unreadCount lastMessage { id body } }';
  const queries = Array.from(
    { length: 150 },
    (_, index) => `{ messageGroups(first: 1) { ${pages} } } ${fragment} # ${index}`,
  );

  for (const query of queries) for (const _ of [1, 2]) expect((await api.post(ann, query)).status).toBe(200);

  expect(compilations()).toBeGreaterThan(0);
  expect(compilations()).toBeLessThan(queries.length);
}, 60_000);

test('a mutation of several messages is refused as a whole, or not at all', async () => {
  const api = await anApi({ rateLimits: { sends: 12 } });
  const people = await api.people(6);
  const [ann] = people;
  // It counts 6.
  const messageGroupId = await startGroup(api, people);
  const field = `createMessage(input: { to: { messageGroupId: "${messageGroupId}" }, body: "one" }) { deduplicated }`;
  const five = `mutation { ${[1, 2, 3, 4, 5].map((index) => `m${index}: ${field}`).join(' ')} }`;

  const first = await api.post(ann, five);
  const second = await api.post(ann, five);

  // Each message counts 2, of which the second is counted once it is sent: 16 in all.
  expect([first.status, second.status]).toEqual([200, 429]);
  expect((await listMessages(api, ann, { messageGroupId, first: 20 })).edges).toHaveLength(6);
});

test.each(['[bad', 'a b', '%', '<>', ''])('a request whose Host is "%s" is 400, and no fault of ours', async (host) => {
  const api = await anApi();
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');

  socket.end(
    `POST /graphql HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`,
  );

  expect((await text(socket)).split('\r\n')[0]).toBe('HTTP/1.1 400 Bad Request');
  expect(api.logs.filter((line) => JSON.parse(line).level >= 50)).toEqual([]);
});

test('a request by HTTP/1.0 needs no Host', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  const body = JSON.stringify({ query: VIEWER });

  socket.write(
    `POST /graphql HTTP/1.0\r\nAuthorization: Bearer ${await api.issuer.token(ann.subject)}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );

  expect(await text(socket)).toContain(`"handle":"${ann.handle}"`);
});

test('a cursor beyond the newest message is no gap in the log', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const [ann] = people;
  const messageGroupId = await startGroup(api, people);
  const after = encodeCursor(messagesList(messageGroupId), '1000');

  const { edges } = await listMessages(api, ann, { messageGroupId, first: 20, after });

  expect(edges).toHaveLength(1);
  expect(api.logs.filter((line) => line.includes('skipped'))).toEqual([]);
});

test('large bodies that never end wait in 32 MB, of which one network has 8, others are refused at once, and all is free once they end', async () => {
  const api = await anApi({ trustedProxies: ['127.0.0.1'] });
  const [ann] = await api.people(1);
  const long = { query: `${VIEWER} #${'x'.repeat(80_000)}` };
  const begin = async (network: number, count: number) => {
    const sockets = Array.from({ length: count }, async () => {
      const socket = connect(Number(new URL(api.url).port), '127.0.0.1').on('error', () => {});
      onTestFinished(() => void socket.destroy());
      socket.once('data', (data) => replies.push(String(data).split('\r\n')[0] ?? ''));
      await once(socket, 'connect');
      socket.write(
        `POST /graphql HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.${network}\r\nContent-Type: application/json\r\nContent-Length: 102400\r\n\r\n{`,
      );
      return socket;
    });
    return Promise.all(sockets);
  };
  const replies: string[] = [];

  const sockets = await begin(1, 100);
  await expect.poll(() => replies.length, { timeout: 10_000 }).toBe(100 - Math.floor((8 * 1024 * 1024) / 102_400));
  const beside = await postBody(api, ann, long);
  for (const network of [2, 3, 4, 5]) sockets.push(...(await begin(network, 100)));
  await expect.poll(() => replies.length, { timeout: 10_000 }).toBe(500 - Math.floor((32 * 1024 * 1024) / 102_400));
  const refused = await postBody(api, ann, long);
  const small = await api.post(ann, VIEWER);
  for (const socket of sockets) socket.destroy();
  await expect.poll(async () => (await postBody(api, ann, long)).status).toBe(200);

  expect(new Set(replies)).toEqual(new Set(['HTTP/1.1 503 Service Unavailable']));
  expect([beside.status, refused.status, small.status]).toEqual([200, 503, 200]);
}, 60_000);

test('an error by GET is never 304', async () => {
  const api = await anApi();
  const people = await api.people(2);
  const messageGroupId = await startGroup(api, people);
  const [, , stranger] = await api.people(3);
  if (!stranger) throw new Error('There are three');
  const query = `{messages(messageGroupId:"${messageGroupId}"){edges{cursor}}}`;
  const url = `${api.url}?query=${encodeURIComponent(query)}`;
  const headers = { authorization: `Bearer ${await api.issuer.token(stranger.subject)}`, 'if-none-match': '*' };

  const response = await fetch(url, { headers: { ...headers, 'apollo-require-preflight': '1' } });

  expect(await errorOf(response)).toEqual([200, 'NOT_FOUND']);
});

test('a null that is the condition of another operation is none of this one', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);
  const query = `query A($x: String) { messageGroups(first: 1, after: $x) { edges { cursor } } }
    query B($x: Boolean = true) { viewer { id @include(if: $x) } }`;

  const response = await postBody(api, ann, { query, operationName: 'A', variables: { x: null } });

  expect(response.status).toBe(200);
});

test('messages into a large group beyond the limit count in the minutes after, also if they are sent at once', async () => {
  const api = await anApi({ rateLimits: { sends: 300 } });
  const people = await api.people(50);
  const [ann] = people;
  // It counts 50, and each message below 10.
  const messageGroupId = await startGroup(api, people);
  const field = `createMessage(input: { to: { messageGroupId: "${messageGroupId}" }, body: "one" }) { deduplicated }`;
  const fifteen = `mutation { ${Array.from({ length: 15 }, (_, index) => `m${index}: ${field}`).join(' ')} }`;

  const statuses = await Promise.all([1, 2, 3, 4].map(async () => (await api.post(ann, fifteen)).status));
  const refused = await api.post(ann, fifteen);

  // 650 in all, of which 350 are left for the next minutes.
  expect(statuses).toEqual([200, 200, 200, 200]);
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(70);
  expect(Number(refused.headers.get('retry-after'))).toBeLessThan(135);
}, 60_000);

test('long documents of one person do not evict the compiled query of another', async () => {
  const api = await anApi();
  const [ann, ben] = await api.people(2);
  const compilations = countCompilations();
  for (const _ of [1, 2]) await api.post(ann, VIEWER);
  const before = compilations();

  for (let index = 0; index < 20; index += 1)
    for (const _ of [1, 2]) await api.post(ben, `{ viewer { id } }${'\n#'.repeat(1_900)}${index}`);
  for (const _ of [1, 2]) await api.post(ann, VIEWER);

  expect(before).toBe(1);
  expect(compilations()).toBe(1);
});

test('variables that are wrong 50 times around a text are one short error, which names the first fault', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);
  const keys = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`k${index}`, 1]));

  const response = await api.post(ann, CREATE, { i: { body: 'x'.repeat(15_000), ...keys } });
  const reply = await response.text();

  expect(response.status).toBe(400);
  expect(JSON.parse(reply).errors).toMatchObject([
    { message: expect.stringContaining('Field "to" of required type'), extensions: { code: 'BAD_USER_INPUT' } },
  ]);
  expect(reply.length).toBeLessThan(500);
});

test('1,000 values pass, and one more is refused', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);
  const query = 'query ($h: [String!]!) { messageGroupWith(handles: $h) { id } }';
  // The list is a value too.
  const ask = async (count: number) => {
    const response = await api.post(ann, query, { h: Array(count).fill('nobody') });
    return [response.status, await response.text()] as const;
  };

  expect((await ask(999))[1]).not.toContain('1000 values');
  expect(await ask(1_000)).toEqual([400, expect.stringContaining('1000 values')]);
});

test('2,000 lines pass, and one more is refused', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);

  const passed = await api.post(ann, `${'\n'.repeat(1_999)}${VIEWER}`);
  const refused = await api.post(ann, `${'\n'.repeat(2_000)}${VIEWER}`);

  expect([passed.status, refused.status]).toEqual([200, 400]);
});

test('a document counts as ten requests when it is new, also if it cannot be parsed, and as one from then on', async () => {
  const api = await anApi({ rateLimits: { reads: 99, sends: 1 } });
  const [ann, ben] = await api.people(2);

  const kept: number[] = [];
  for (let asked = 0; asked < 92; asked += 1) kept.push((await api.post(ann, VIEWER)).status);
  const broken: number[] = [];
  for (let asked = 0; asked < 11; asked += 1) broken.push((await api.post(ben, '{ nothing')).status);

  expect(kept).toEqual([...Array(91).fill(200), 429]);
  expect(broken).toEqual([...Array(10).fill(400), 429]);
});

test.each(['variables', 'extensions'])(
  '%s by GET are checked as they are read, whatever the query string',
  async (name) => {
    const api = await anApi();
    const [ann] = await api.people(1);
    const deep = `{"a":"%22,%22b%22:${'['.repeat(100)}%22%FF%22${']'.repeat(100)},%22c%22:%22"}`;
    const port = Number(new URL(api.url).port);
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');

    socket.write(
      `GET /graphql?query=${encodeURIComponent(VIEWER)}&${name}=${deep} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${await api.issuer.token(ann.subject)}\r\nApollo-Require-Preflight: 1\r\nConnection: close\r\n\r\n`,
    );

    expect(await text(socket)).toContain('JSON may not be deeper than 32 levels');
  },
);

test('a null that is the condition of a fragment of another operation is none of this one', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);
  const query = `query A($x: String) { messageGroups(first: 1, after: $x) { edges { cursor } } }
    query B($x: Boolean = true) { ...F } fragment F on Query { viewer { id @include(if: $x) } }`;

  const response = await postBody(api, ann, { query, operationName: 'A', variables: { x: null } });

  expect(response.status).toBe(200);
});

test.each(['', '[fe80::1%25eth0]:4000'])('health is told whatever the Host, such as "%s"', async (host) => {
  const api = await anApi();
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');

  socket.end(`GET /health/live HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);

  expect((await text(socket)).split('\r\n')[0]).toBe('HTTP/1.1 200 OK');
});
