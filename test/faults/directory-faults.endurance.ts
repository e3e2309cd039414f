import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, onTestFinished, test, vi } from 'vitest';
import { openPool } from '../../src/users/pool.ts';
import { startApi } from '../support/api-process.ts';
import { type Answer, startAskers } from '../support/askers.ts';
import { aDirectoryProxy, type DirectoryProxy } from '../support/directory-proxy.ts';
import { groupIdOf, sendAs } from '../support/groups.ts';
import { issuerVariables, startIssuer, type TestIssuer } from '../support/issuer.ts';
import { CREATE_MESSAGE } from '../support/operations.ts';
import { addPeople, type Person } from '../support/people.ts';
import { aTable } from '../support/table.ts';

const FAULT_MS = 5_000;
const RECOVERY_MS = 5_000;
const SLOWEST_MS = 2_000;

/** Clients that need the directory. */
const CLIENTS = 30;
/** Far fewer operations at once than that: were the directory waited for in vain, it would be in everybody's way. */
const FEW_AT_ONCE = 10;
/** Enough for all clients: who waits for a directory that does answer, if slowly, keeps their turn. */
const MANY_AT_ONCE = 50;

interface Fault {
  readonly atOnce: number;
  readonly poolSize: number;
  /** @returns what ends it */
  begin(proxy: DirectoryProxy): Promise<() => Promise<unknown>>;
}

const FAULTS: Readonly<Record<string, Fault>> = {
  'resets its connections, idle or in the middle of a statement': {
    ...{ atOnce: FEW_AT_ONCE, poolSize: 8 },
    begin: async (proxy) => {
      proxy.resetOnAnswers();
      proxy.reset();
      return proxy.recover;
    },
  },
  'is gone, and comes back': {
    ...{ atOnce: FEW_AT_ONCE, poolSize: 8 },
    begin: async (proxy) => {
      await proxy.goAway();
      return proxy.recover;
    },
  },
  'takes connections and never answers': {
    ...{ atOnce: FEW_AT_ONCE, poolSize: 8 },
    begin: async (proxy) => {
      proxy.swallow();
      return proxy.recover;
    },
  },
  'is so slow that the pool is exhausted': {
    ...{ atOnce: MANY_AT_ONCE, poolSize: 2 },
    begin: async (proxy) => {
      proxy.delayAnswers(300);
      return proxy.recover;
    },
  },
  'has a lock that every connection of the pool waits for': {
    ...{ atOnce: FEW_AT_ONCE, poolSize: 4 },
    begin: async () => {
      const holder = new pg.Client({ connectionString: inject('databaseUrl') });
      await holder.connect();
      await holder.query('BEGIN');
      await holder.query('LOCK TABLE users IN ACCESS EXCLUSIVE MODE');
      return () => holder.end();
    },
  },
};

let issuer: TestIssuer;
let pool: pg.Pool;
beforeAll(async () => {
  issuer = await startIssuer();
  pool = openPool({ url: inject('databaseUrl'), poolSize: 1, onIdleError: () => {} });
});
afterAll(async () => {
  await pool.end();
  await issuer.stop();
});

test.each(Object.entries(FAULTS))(
  'a directory that %s: 503 within 2 s, known people go on, and all is well within 5 s of the end',
  (_, fault) => expectToSurvive(fault),
  60_000,
);

const isEmbedded = !process.env['TEST_DATABASE_URL'];

// The embedded engine has one process for everybody.
test.skipIf(isEmbedded)(
  'a directory that ends the processes of all connections again and again: the same',
  () =>
    expectToSurvive({
      ...{ atOnce: FEW_AT_ONCE, poolSize: 8 },
      begin: async (proxy) => {
        let isOver = false;
        const killing = (async () => {
          for (; !isOver; await delay(50)) {
            await pool.query(
              'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_port = ANY($1::int[])',
              [proxy.ports()],
            );
          }
        })();
        return () => {
          isOver = true;
          return killing;
        };
      },
    }),
  60_000,
);

/** Clients that need the directory, and some that need only people who are known, ask before, during and after the fault. */
async function expectToSurvive({ atOnce, poolSize, begin }: Fault): Promise<void> {
  const proxy = await aDirectoryProxy();
  const table = await aTable();
  const [ben, cyd, ...others] = (await addPeople(pool, 202)) as [Person, Person, ...Person[]];
  await sendAs(table, [ben, cyd], ben, 'hello');
  const tokens = new Map<Person, string>();
  for (const person of [ben, cyd, ...others]) tokens.set(person, await issuer.token(person.subject));
  const api = await startApi(table, {
    ...issuerVariables(issuer),
    DATABASE_URL: proxy.url,
    DATABASE_POOL_SIZE: String(poolSize),
    RATE_LIMIT_READS: '999999',
    MAX_OPERATIONS_AT_ONCE: String(atOnce),
  });
  const post = (person: Person, query: string, variables?: object) =>
    api.post(tokens.get(person) as string, query, variables);
  const other = (number: number) => others[number % others.length] as Person;

  // Each needs the directory, for whoever asks or for who is looked for.
  const needing = startAskers({ count: CLIENTS, periodMs: 500 }, (number) =>
    number % 10 > 0
      ? post(other(number), `{ viewer { handle } user(handle: "${other(number + 1).handle}") { displayName } }`)
      : post(other(number), CREATE_MESSAGE, {
          input: { to: { recipientHandles: [other(number + 1).handle] }, body: `${number}` },
        }),
  );
  await vi.waitFor(() => expect(areWell(needing.answers.slice(-CLIENTS), CLIENTS)).toBe(true), 20_000);
  const page = `{ viewer { handle } messages(messageGroupId: "${groupIdOf([ben, cyd])}") { edges { node { sender { handle } } } } }`;
  const knowing = startAskers({ count: 4, periodMs: 100 }, (number) => post([ben, cyd][number % 2] as Person, page));
  await vi.waitFor(() => expect(areWell(knowing.answers.slice(-20), 20)).toBe(true), 10_000);

  const beganAt = performance.now();
  const end = await begin(proxy);
  onTestFinished(async () => void (await end().catch(() => {})));
  await delay(FAULT_MS);
  await end();
  const endedAt = performance.now();
  const since = (time: number, answers: readonly Answer[]) => answers.filter(({ startedAt }) => startedAt > time);
  await vi.waitFor(() => expect(areWell(since(endedAt, needing.answers).slice(-CLIENTS), CLIENTS)).toBe(true), {
    timeout: RECOVERY_MS,
    interval: 20,
  });
  await Promise.all([needing.stop(), knowing.stop()]);

  const [needed, known] = [since(beganAt, needing.answers), since(beganAt, knowing.answers)];
  expect(outcomes(needed)).toEqual(['200 undefined', '503 UNAVAILABLE']);
  expect(outcomes(known)).toEqual(['200 undefined']);
  expect(known.length).toBeGreaterThan(20);
  expect(Math.max(...[...needed, ...known].map(({ durationMs }) => durationMs))).toBeLessThan(SLOWEST_MS);
  expect(api.child.exitCode).toBeNull();
  expect((await fetch(new URL('/health/ready', api.url))).status).toBe(200);
}

/** Whether there are so many answers, and each is one that a healthy API gives. */
function areWell(answers: readonly Answer[], count: number): boolean {
  return answers.length === count && answers.every(({ status, code }) => status === 200 && code === undefined);
}

/** Each outcome that there was, as `status code`. */
function outcomes(answers: readonly Answer[]): string[] {
  return [...new Set(answers.map(({ status, code }) => `${status} ${code}`))].sort();
}
