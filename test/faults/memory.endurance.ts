import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { anApi, useApi } from '../support/api.ts';
import { startApi } from '../support/api-process.ts';
import { tellFigures } from '../support/figures.ts';
import { issuerVariables } from '../support/issuer.ts';

useApi();

/** What can't be taken, about as large as it may come, and the status that it is answered with. */
interface Junk {
  readonly body: string | Buffer<ArrayBuffer>;
  readonly headers?: Record<string, string>;
  readonly status: number;
}

/** As large as a body may be. */
const FULL = 100 * 1024;

const start = '{"query": "{ viewer { id } }", ';
const bomb = gzipSync(start.padEnd(10 * 1024 * 1024));
const long = 'x'.repeat(90_000);

const JUNK: Readonly<Record<string, Junk>> = {
  'gzip bombs of 10 MB': { body: bomb, headers: { 'content-encoding': 'gzip' }, status: 415 },
  'gzip bombs that do not say so': { body: bomb, status: 400 },
  'bad UTF-8': { body: Buffer.from(`${start}"a": "${long}"}`).fill(0xff, 50_000, 50_001), status: 400 },
  'deep JSON': { body: `${start}"variables": {"a": ${'['.repeat(49_000)}${']'.repeat(49_000)}}}`, status: 400 },
  'JSON of brackets alone': { body: '['.repeat(FULL), status: 400 },
  __proto__: { body: `${start}"variables": {"a": "${long}", "__proto__": {"b": 1}}}`, status: 400 },
  'JSON that ends early': { body: `${start}"variables": {"a": "${long}`, status: 400 },
  'bodies that are too large': { body: start.padEnd(FULL + 1), status: 413 },
  'documents of 90 KB': { body: JSON.stringify({ query: `{ ${'viewer { id } '.repeat(6_400)}}` }), status: 400 },
  'plain text': { body: long, headers: { 'content-type': 'text/plain' }, status: 415 },
  'tokens of 15 KB': {
    body: `${start}"a": 1}`,
    headers: { authorization: `Bearer ${long.slice(-15_000)}` },
    status: 401,
  },
};

/** Until all is there that is used again and again. */
const FIRST_ROUNDS = 5;
const ROUNDS = 20;
const OF_EACH_KIND = 40;
const AT_ONCE = 8;

/** How much more may be in use at the end. Much of what a process has is the allocator's to keep, so the heap tells more. */
const MOST_GROWTH_MB = { heap: 5, resident: 30 };

test('thousands of bodies and tokens that can’t be taken are 4xx each, and leave the memory as it was', async () => {
  const { table, issuer, people } = await anApi();
  const [ann] = await people(1);
  const authorization = `Bearer ${await issuer.token(ann.subject)}`;
  const api = await startApi(table, {
    ...issuerVariables(issuer),
    // Twice what it needs: it lets nothing lie about, and one that keeps anything ends.
    NODE_OPTIONS: '--max-old-space-size=72',
    RATE_LIMIT_READS: '999999',
    RATE_LIMIT_REFUSALS: '999999',
  });
  const post = async ({ body, headers }: Junk) => {
    const response = await fetch(api.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization, ...headers },
      body,
    });
    await response.arrayBuffer();
    return response.status;
  };

  const kinds = Object.entries(JUNK);
  const memory: Awaited<ReturnType<typeof api.memory>>[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const left = Array.from({ length: OF_EACH_KIND }, () => kinds)
      .flat()
      .values();
    const sendOn = async () => {
      for (const [kind, junk] of left) expect([kind, await post(junk)]).toEqual([kind, junk.status]);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, sendOn));
    memory.push(await api.memory());
  }
  const { status } = await api.post(authorization.slice('Bearer '.length), '{ viewer { id } }');

  tellFigures(`memory under ${ROUNDS * OF_EACH_KIND * kinds.length} bodies and tokens that can’t be taken, in MB`, {
    heap: memory.map(({ heap }) => heap.toFixed(1)).join(' '),
    resident: memory.map(({ resident }) => resident.toFixed()).join(' '),
  });
  const [first, last] = [memory[FIRST_ROUNDS - 1], memory.at(-1)];
  if (!first || !last) throw new Error('There were rounds');
  expect(last.heap - first.heap).toBeLessThan(MOST_GROWTH_MB.heap);
  expect(last.resident - first.resident).toBeLessThan(MOST_GROWTH_MB.resident);
  expect(status).toBe(200);
}, 180_000);

test('a client that pipelines a quarter of a million requests is hung up on, and fills no memory', async () => {
  const { table, issuer } = await anApi();
  const api = await startApi(table, { ...issuerVariables(issuer), NODE_OPTIONS: '--max-old-space-size=72' });
  const { hostname, port } = new URL(api.url);

  for (const path of ['/graphql', '/health/ready']) {
    const requests = `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`.repeat(250_000);
    const socket = connect(Number(port), hostname).on('error', () => {});
    socket.write(requests);
    await new Promise((hungUp) => socket.once('close', hungUp));
  }

  expect((await fetch(new URL('/health/live', api.url))).status).toBe(200);
}, 60_000);
