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

test.each([
  ['48,000 values', 'query ($h: [String!]!) { messageGroupWith(handles: $h) { id } }', { h: Array(24_000).fill(1) }],
  [
    '9,000 unknown keys',
    'mutation ($i: CreateMessageInput!) { createMessage(input: $i) { deduplicated } }',
    { i: Object.fromEntries(Array.from({ length: 9_000 }, (_, key) => [`k${key}`, 1])) },
  ],
  [
    'a long text around 50 unknown keys',
    'mutation ($i: CreateMessageInput!) { createMessage(input: $i) { deduplicated } }',
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

test('a document of more than 2,000 lines is refused before it is validated', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);
  const names = Array.from({ length: 100 }, (_, index) => `x${index}`).join(' ');

  const many = await api.post(ann, `${'\n'.repeat(2_000)}{ viewer { ${names} } }`);
  const few = await api.post(ann, `${'\n'.repeat(1_900)}{ viewer { handle } }`);

  expect(await errorOf(many)).toEqual([400, 'GRAPHQL_VALIDATION_FAILED']);
  expect(few.status).toBe(200);
});

test('a GET whose query string is no valid UTF-8 meets the limit of repeated names too', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);
  const query = `{viewer{${'id '.repeat(60)}}}`;

  const response = await getRaw(api, ann, `/graphql?query=${encodeURIComponent(query)}%23%FF`);

  expect(await errorOf(response)).toEqual([400, 'GRAPHQL_VALIDATION_FAILED']);
});

test('a document that is not valid counts as ten requests', async () => {
  const api = await anApi({ rateLimits: { reads: 30, sends: 10 } });
  const [ann] = await api.people(1);

  const statuses: number[] = [];
  for (let asked = 0; asked < 6; asked += 1) statuses.push((await api.post(ann, `{ nothing${asked} }`)).status);

  expect(statuses).toEqual([400, 400, 400, 400, 429, 429]);
});

test('queries that are new again and again are compiled for a tenth of the time', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);
  const compilations = countCompilations();
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

test('large bodies that never end wait in 32 MB, others are refused at once, and small ones are served', async () => {
  const api = await anApi();
  const [ann] = await api.people(1);
  const headers =
    'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 102400\r\n\r\n';
  const replies: string[] = [];
  const sockets = await Promise.all(
    Array.from({ length: 400 }, async () => {
      const socket = connect(Number(new URL(api.url).port), '127.0.0.1').on('error', () => {});
      onTestFinished(() => void socket.destroy());
      await once(socket, 'connect');
      socket.on('data', (data) => replies.push(String(data)));
      socket.write(`${headers}{`);
      return socket;
    }),
  );

  await expect.poll(() => replies.length, { timeout: 10_000 }).toBe(400 - Math.floor((32 * 1024 * 1024) / 102_400));
  const served = await api.post(ann, VIEWER);
  for (const socket of sockets) socket.destroy();

  expect(new Set(replies.map((reply) => reply.split('\r\n')[0]))).toEqual(
    new Set(['HTTP/1.1 503 Service Unavailable']),
  );
  expect(served.status).toBe(200);
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
  const authorization = `Bearer ${await api.issuer.token(ann.subject)}`;

  const response = await fetch(api.url, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ query, operationName: 'A', variables: { x: null } }),
  });

  expect(response.status).toBe(200);
});
