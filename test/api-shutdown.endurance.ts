import { once } from 'node:events';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import type { User } from '../src/model.ts';
import { openPool } from '../src/users/pool.ts';
import { type ApiProcess, startApi } from './support/api-process.ts';
import { aDirectoryProxy } from './support/directory-proxy.ts';
import { groupIdOf, sendAs } from './support/groups.ts';
import { issuerVariables, startIssuer, type TestIssuer } from './support/issuer.ts';
import { aMisbehavingEngine, holdAnswers } from './support/misbehaving-engine.ts';
import { addPeople, type Person } from './support/people.ts';
import { openConnection, type SentRequest, sendOperation } from './support/requests.ts';
import { aTable } from './support/table.ts';

const IN_FLIGHT = 200;
const IDLE = 20;
const STOP_MS = 10_000;

let issuer: TestIssuer;
let people: [Person, Person];
beforeAll(async () => {
  issuer = await startIssuer();
  const pool = openPool({ url: inject('databaseUrl'), poolSize: 1, onIdleError: () => {} });
  people = (await addPeople(pool, 2)) as [Person, Person];
  await pool.end();
});
afterAll(() => issuer.stop());

/** An API process that has answered before, in front of an engine that can hold its answers back. */
async function aRunningApi(environment: NodeJS.ProcessEnv) {
  const [engine, table, token] = await Promise.all([aMisbehavingEngine(), aTable(), issuer.token(people[0].subject)]);
  await sendAs(table, people, people[0] as User, 'hello');
  const api = await startApi(table, {
    ...issuerVariables(issuer),
    DYNAMODB_ENDPOINT: engine.endpoint,
    ...environment,
  });
  const query = `{ messages(messageGroupId: "${groupIdOf(people)}") { edges { node { body sender { handle } } } } }`;
  const data = { messages: { edges: [{ node: { body: 'hello', sender: { handle: people[0].handle } } }] } };
  await vi.waitFor(async () => expect(await api.post(token, query)).toEqual({ status: 200, data }), 5_000);
  const send = (count: number) => Array.from({ length: count }, () => sendOperation(api.url, token, query));
  return { api, engine, send, success: { status: 200, reply: { data } } };
}

function answersOf(requests: readonly SentRequest[]) {
  return Promise.all(requests.map(({ answer }) => answer.then(({ status, reply }) => ({ status, reply }))));
}

/** Asks the process to end. @returns its exit code, and after how many milliseconds it had ended */
async function timedStop(api: ApiProcess): Promise<{ code: number | null; afterMs: number }> {
  const startedAt = performance.now();
  const code = await api.stop();
  return { code, afterMs: performance.now() - startedAt };
}

test('SIGTERM with 200 requests in flight and idle connections: 200 answers, and exit code 0 within 10 s', async () => {
  const { api, engine, send, success } = await aRunningApi({ MAX_OPERATIONS_PER_PERSON: String(IN_FLIGHT) });
  const idle = await Promise.all(
    Array.from({ length: IDLE }, (_, index) =>
      // Half of them were never used.
      openConnection(api.url, index % 2 === 0 ? '' : 'GET /health/live HTTP/1.1\r\nHost: api\r\n\r\n'),
    ),
  );
  await Promise.all(idle.filter((_, index) => index % 2 === 1).map((socket) => once(socket, 'data')));
  for (const socket of idle) socket.resume();
  const closed = Promise.all(idle.map((socket) => once(socket, 'close')));
  const held = holdAnswers(engine);

  const requests = send(IN_FLIGHT);
  await Promise.all(requests.map(({ sent }) => sent));
  const stopping = timedStop(api);
  await closed;
  await vi.waitFor(() => expect(openConnection(api.url, '')).rejects.toMatchObject({ code: 'ECONNREFUSED' }));
  await vi.waitFor(() => expect(held.count()).toBe(IN_FLIGHT), 5_000);
  const isStillThere = api.child.exitCode === null;
  held.letGo();

  expect(await answersOf(requests)).toEqual(requests.map(() => success));
  const { code, afterMs } = await stopping;
  expect(isStillThere).toBe(true);
  expect(code).toBe(0);
  expect(afterMs).toBeLessThan(STOP_MS);
});

test('SIGTERM while requests wait for their turn: they get it', async () => {
  const { api, engine, send, success } = await aRunningApi({ MAX_OPERATIONS_AT_ONCE: '2' });
  const held = holdAnswers(engine);

  const requests = send(2 + 8);
  await Promise.all(requests.map(({ sent }) => sent));
  const stopping = timedStop(api);
  await vi.waitFor(() => expect(held.count()).toBe(2));
  held.letGo();

  expect(await answersOf(requests)).toEqual(requests.map(() => success));
  expect((await stopping).code).toBe(0);
});

test('SIGTERM while neither engine nor directory answers, and a client keeps half of its request: the others have their answer, and exit code 0 within 10 s', async () => {
  const proxy = await aDirectoryProxy();
  const { api, engine, send } = await aRunningApi({ DATABASE_URL: proxy.url });
  holdAnswers(engine);
  proxy.swallow();
  const half = await openConnection(
    api.url,
    'POST /graphql HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"query"',
  );
  const hungUp = once(half.resume(), 'close');

  const requests = send(2);
  await Promise.all(requests.map(({ sent }) => sent));
  const stopping = timedStop(api);
  await hungUp;
  const beforeTheAnswers = api.child.exitCode;

  const unavailable = {
    data: { messages: null },
    errors: [expect.objectContaining({ extensions: { code: 'UNAVAILABLE' } })],
  };
  expect(await answersOf(requests)).toEqual(requests.map(() => ({ status: 503, reply: unavailable })));
  expect(beforeTheAnswers).toBeNull();
  const { code, afterMs } = await stopping;
  expect(code).toBe(0);
  expect(afterMs).toBeLessThan(STOP_MS);
});

test('SIGTERM with SHUTDOWN_DELAY_SECONDS: the API reports not ready at once, and serves new connections for as long', async () => {
  const { api, send, success } = await aRunningApi({ SHUTDOWN_DELAY_SECONDS: '2' });
  const ready = async () => (await fetch(new URL('/health/ready', api.url))).status;
  const before = await ready();

  const stopping = timedStop(api);
  await vi.waitFor(async () => expect(await ready()).toBe(503));
  const answers = await answersOf(send(3));
  const { code, afterMs } = await stopping;

  expect(before).toBe(200);
  expect(answers).toEqual([success, success, success]);
  expect(code).toBe(0);
  expect(afterMs).toBeGreaterThan(2_000);
  await expect(openConnection(api.url, '')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('an API whose log nothing reads goes on serving, drops lines and counts them', async () => {
  const api = await startApi(await aTable(), issuerVariables(issuer), { output: 'pipe' });
  const live = new URL('/health/live', api.url);

  // Some 250 bytes are logged of each, and 1 MB waits for a reader.
  for (let round = 0; round < 400; round += 1) {
    const replies = await Promise.all(Array.from({ length: 25 }, () => fetch(live)));
    for (const reply of replies) {
      expect(reply.status).toBe(200);
      await reply.arrayBuffer();
    }
  }

  expect(await api.metric('log_lines_dropped_total')).toBeGreaterThan(0);
  expect(await api.stop()).toBe(0);
});
