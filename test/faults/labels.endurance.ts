import { createHash, randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { anApi, useApi } from '../support/api.ts';
import { startApi } from '../support/api-process.ts';
import { tellFigures } from '../support/figures.ts';
import { issuerVariables } from '../support/issuer.ts';
import type { Person } from '../support/people.ts';

useApi();

/** With an issuer that is not on this machine, all that is for local use is off. */
const ISSUER = 'https://issuer.example.com';

const REQUESTS = 20_000;
const ROUNDS = 10;
const AT_ONCE = 8;

/** Until the caches that are full of what clients send are as large as they get. */
const FIRST_ROUNDS = 4;

/** How much more may be in use at the end. Much of what a process has is the allocator's to keep, so the heap tells more. */
const MOST_GROWTH_MB = { heap: 10, resident: 60 };

const MOST_METRICS_BYTES = 100 * 1024;

/** A name of this many letters that no other request has. */
const nameOf = (index: number, length: number) => `n${index}`.padEnd(length, '_');

test('20,000 requests that differ in all that a client chooses leave the memory and the metrics as they were', async () => {
  const { table, issuer, people } = await anApi();
  const [ann] = await people(1);
  const api = await startApi(table, {
    ...issuerVariables(issuer),
    OIDC_ISSUER: ISSUER,
    NODE_ENV: 'production',
    LOG_LEVEL: 'info',
    TRUST_PROXY: 'loopback',
    RATE_LIMIT_READS: '999999',
    RATE_LIMIT_REFUSALS: '999999',
  });
  const tokenOf = ({ subject }: Person) => issuer.sign({ sub: subject, iss: ISSUER, jti: randomUUID() });
  const authorization = `Bearer ${await tokenOf(ann)}`;
  const tokens = await Promise.all(Array.from({ length: 100 }, () => tokenOf(ann)));

  const kinds: readonly ((index: number) => Promise<Response>)[] = [
    (index) => post({ query: `subscription { ${nameOf(index, 20_000)} }` }, index),
    (index) => post({ query: `query ${nameOf(index, 2_000)} { viewer { ${nameOf(index, 500)}: id } }` }, index),
    (index) => post({ query: 'query A { viewer { id } }', operationName: nameOf(index, 20_000) }, index),
    (index) => post({ query: `{ ${nameOf(index, 5_000)} }` }, index),
    (index) => {
      const query = `{ viewer { id } } # ${nameOf(index, 1_000)}`;
      const sha256Hash = createHash('sha256').update(query).digest('hex');
      return post({ query, extensions: { persistedQuery: { version: 1, sha256Hash } } }, index);
    },
    (index) => post({ extensions: { persistedQuery: { version: 1, sha256Hash: nameOf(index, 5_000) } } }, index),
    (index) => post({ query: '{ viewer { id } }' }, index, { authorization: `Bearer ${nameOf(index, 5_000)}` }),
    (index) =>
      post({ query: '{ viewer { id } }' }, index, { authorization: `Bearer ${tokens[index % tokens.length]}` }),
    (index) => post({ query: '{ viewer { id } }' }, index, { 'x-forwarded-for': nameOf(index, 5_000) }),
    (index) => fetch(new URL(`/${nameOf(index, 5_000)}`, api.url), { method: index % 2 ? 'PROPFIND' : 'PUT' }),
  ];

  function post(body: object, index: number, headers: object = {}): Promise<Response> {
    return fetch(api.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization,
        'x-forwarded-for': `2001:db8:${(index >> 12).toString(16)}:${(index & 0xfff).toString(16)}::1`,
        'x-request-id': nameOf(index, 60),
        traceparent: nameOf(index, 1_000),
        ...headers,
      },
      body: JSON.stringify(body),
    });
  }

  const memory: Awaited<ReturnType<typeof api.memory>>[] = [];
  const statuses = new Set<number>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const size = REQUESTS / ROUNDS;
    const left = Array.from({ length: size }, (_, index) => round * size + index).values();
    const sendOn = async () => {
      for (const index of left) {
        const response = await (kinds[index % kinds.length] as (typeof kinds)[number])(index);
        await response.arrayBuffer();
        statuses.add(response.status);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, sendOn));
    memory.push(await api.memory());
  }
  const metrics = await api.metrics();

  tellFigures(`memory under ${REQUESTS} requests that differ in all that a client chooses, in MB`, {
    heap: memory.map(({ heap }) => heap.toFixed(1)).join(' '),
    resident: memory.map(({ resident }) => resident.toFixed()).join(' '),
    metrics: `${metrics.length} bytes`,
  });
  expect([...statuses].sort()).toEqual([200, 400, 401, 404]);
  expect(metrics.length).toBeLessThan(MOST_METRICS_BYTES);
  expect(metrics).not.toMatch(/n\d+_/);
  const [first, last] = [memory[FIRST_ROUNDS - 1], memory.at(-1)];
  if (!first || !last) throw new Error('There were rounds');
  expect(last.heap - first.heap).toBeLessThan(MOST_GROWTH_MB.heap);
  expect(last.resident - first.resident).toBeLessThan(MOST_GROWTH_MB.resident);
}, 600_000);
