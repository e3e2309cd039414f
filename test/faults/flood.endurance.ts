import { once } from 'node:events';
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { anApi, useApi } from '../support/api.ts';
import { startApi } from '../support/api-process.ts';
import { tellFigures } from '../support/figures.ts';
import { type Asked, flood } from '../support/flood.ts';
import { issuerVariables } from '../support/issuer.ts';
import { CREATE_MESSAGE, MESSAGES, startGroup } from '../support/operations.ts';

useApi();

const INBOX = `{
  messageGroups(first: 20) { edges { node { unreadCount lastMessage { body } members { handle } } } }
}`;

const PEOPLE = 40;
/** More than one process serves in the second that it lets them wait. */
const CONNECTIONS = 2_000;
const FOR_MS = 10_000;

/** Whoever asks is answered within so long; who only asks whether the process lives, much sooner. */
const SLOWEST_MS = 10_000;
const SLOWEST_LIVE_MS = 4_000;
/** How late the event loop may be, but for one time in a hundred. */
const LATEST_MS = 500;

test('a flood of 2,000 connections is answered or shed, the event loop goes on, and after it all is as before', async () => {
  const world = await anApi();
  const people = await world.people(PEOPLE);
  const asked: Asked[] = [];
  for (const [index, person] of people.entries()) {
    const authorization = `Bearer ${await world.issuer.token(person.subject)}`;
    const others = [1, 2].flatMap((distance) => people[(index + distance) % PEOPLE] ?? []);
    const messageGroupId = await startGroup(world, [person, ...others], 'before the flood');
    const poll = { query: MESSAGES, variables: { messageGroupId, first: 20 } };
    const send = { query: CREATE_MESSAGE, variables: { input: { to: { messageGroupId }, body: 'in the flood' } } };
    for (const operation of [{ query: INBOX }, poll, { query: INBOX }, poll, send])
      asked.push({ authorization, body: JSON.stringify(operation) });
  }
  // With the limits as they are by themselves.
  const api = await startApi(world.table, { ...issuerVariables(world.issuer), RATE_LIMIT_SENDS: '' });
  const ask = async ({ authorization, body }: Asked) => {
    const headers = { 'content-type': 'application/json', authorization };
    const response = await fetch(api.url, { method: 'POST', headers, body });
    return { status: response.status, body: await response.json() };
  };
  for (const each of asked) expect(await ask(each)).toMatchObject({ status: 200 });
  // What it tells of the event loop is always since it told of it before.
  await api.metric('nodejs_eventloop_lag_p99_seconds');

  let isOver = false;
  const livesMs: number[] = [];
  const living = (async () => {
    while (!isOver) {
      const start = performance.now();
      // On a connection of its own, as who looks after processes asks.
      const asking = request(new URL('/health/live', api.url), { agent: false }).end();
      const [response] = await once(asking, 'response');
      expect(response.statusCode).toBe(200);
      await once(response.resume(), 'end');
      livesMs.push(performance.now() - start);
      await delay(100);
    }
  })();
  let count = 0;
  const next = () => asked[count++ % asked.length] as Asked;
  const outcomes = await flood(api.url, { connections: CONNECTIONS, forMs: FOR_MS, next });
  isOver = true;
  await living;
  const lagMs = 1_000 * (await api.metric('nodejs_eventloop_lag_p99_seconds'));

  const served = outcomes.filter(({ status }) => status === 200);
  const shed = outcomes.filter(({ error }) => error?.includes('too much to do'));
  tellFigures(`${CONNECTIONS} connections for ${FOR_MS / 1_000} s`, {
    served: served.length,
    shed: shed.length,
    'given up by a part': outcomes.length - served.length - shed.length,
    'ms the slowest took': Math.max(...outcomes.map(({ tookMs }) => tookMs)),
    'ms /health/live took at most': Math.max(...livesMs),
    'ms the event loop was late (p99)': lagMs,
  });
  expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set([200, 503]));
  expect(outcomes.filter(({ status, retryAfter }) => status !== 200 && !Number(retryAfter))).toEqual([]);
  // Otherwise it would have been no flood, or nobody would have been served.
  expect(Math.min(served.length, shed.length)).toBeGreaterThan(100);
  expect(Math.max(...outcomes.map(({ tookMs }) => tookMs))).toBeLessThan(SLOWEST_MS);
  expect(livesMs.length).toBeGreaterThan(10);
  expect(Math.max(...livesMs)).toBeLessThan(SLOWEST_LIVE_MS);
  expect(lagMs).toBeLessThan(LATEST_MS);
  for (const each of asked) expect(await ask(each)).toMatchObject({ status: 200 });
}, 120_000);
