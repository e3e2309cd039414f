import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import pLimit from 'p-limit';
import { freePort } from '../test/support/engines.ts';
import type { FloorResult, FloorTask } from './floor.ts';
import { persistedPath, type Sample } from './operations.ts';
import type { StockSettings } from './stock/server.ts';
import { type Counters, end, type System } from './system.ts';

/** How many requests, or loops of the floors, are under way at once. */
export const AT_ONCE = 8;

/** What came of a number of samples. */
export interface Load {
  readonly perSecond: number;
  /** Of the process that is measured, each. */
  readonly cpuMs: number;
}

export interface ServerLoad extends Load {
  readonly latenciesMs: readonly number[];
  readonly engineCalls: number;
  readonly capacityUnits: number;
}

/** A server that answers GraphQL, and counts. */
export type Server = Pick<System, 'url' | 'counters'>;

/** Sends requests to a server, in a closed loop, and expects each to succeed. */
export async function loadServer(server: Server, samples: readonly Sample[], atOnce = AT_ONCE): Promise<ServerLoad> {
  const few = pLimit(AT_ONCE);
  const requests = await Promise.all(samples.map((sample) => few(() => requestOf(server, sample))));
  const before = await server.counters();
  const latenciesMs: number[] = [];
  let connections = 0;
  const startedAt = performance.now();
  let endedAt = startedAt;
  const run = autocannon({
    url: server.url,
    connections: atOnce,
    amount: samples.length,
    excludeErrorStats: true,
    setupClient: (client) => {
      const own = connections;
      connections += 1;
      client.setRequests(requests.filter((_, index) => index % atOnce === own));
      client.on('response', (_status, _bytes, milliseconds) => {
        latenciesMs.push(milliseconds);
        // The load generator's own duration is in whole seconds.
        endedAt = performance.now();
      });
    },
  });
  const result = await run;
  const after = await server.counters();
  const { '2xx': succeeded = 0, '3xx': unchanged = 0, errors } = result;
  if (errors > 0 || succeeded + unchanged !== samples.length)
    throw new Error(`${server.url} refused: ${JSON.stringify(result.statusCodeStats)}, ${errors} errors`);
  const count = samples.length;
  return {
    perSecond: count / ((endedAt - startedAt) / 1_000),
    cpuMs: ((after.cpuSeconds - before.cpuSeconds) * 1_000) / count,
    latenciesMs,
    engineCalls: (after.engineCalls - before.engineCalls) / count,
    capacityUnits: (after.capacityUnits - before.capacityUnits) / count,
  };
}

async function requestOf({ url }: Server, sample: Sample): Promise<autocannon.Request> {
  const { person, query, variables } = sample;
  const authorization = `Bearer ${person.token}`;
  if (!sample.byGet) {
    const headers = { authorization, 'content-type': 'application/json' };
    return { method: 'POST', path: '/graphql', headers, body: JSON.stringify({ query, variables }) };
  }
  // With the text, so that it works the first time too; the address that is measured goes without.
  const headers = { authorization, 'apollo-require-preflight': 'true' };
  const held = await fetch(new URL(persistedPath(sample, query), url), { headers });
  if (!held.ok) throw new Error(await held.text());
  await held.arrayBuffer();
  const etag = held.headers.get('etag') ?? '';
  return { method: 'GET', path: persistedPath(sample), headers: { ...headers, 'if-none-match': etag } };
}

/** Starts the stock server, in a process of its own, on the engines of the system. */
export async function startStock({ dynamodbEndpoint, directory }: System, undo: (() => unknown)[]): Promise<Server> {
  const port = await freePort();
  const { databaseUrl, issuer, jwksUri, certificateFile } = directory;
  const settings: StockSettings = { dynamodbEndpoint, databaseUrl, issuer, jwksUri, port };
  const child = fork(fileURLToPath(new URL('./stock/server.ts', import.meta.url)), [JSON.stringify(settings)], {
    env: {
      ...process.env,
      NODE_ENV: 'production',
      NODE_EXTRA_CA_CERTS: certificateFile,
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    },
  });
  undo.push(() => end(child));
  await once(child, 'message');
  return {
    // Apollo's standalone server answers at any path.
    url: `http://127.0.0.1:${port}/graphql`,
    counters: async (): Promise<Counters> => {
      const answer = once(child, 'message') as Promise<[number]>;
      child.send('count');
      const [cpuSeconds] = await answer;
      return { cpuSeconds, engineCalls: 0, capacityUnits: 0, residentBytes: 0 };
    },
  };
}

/** The process that makes the engine's calls and nothing else. */
export interface Floors {
  run(floor: FloorTask['floor'], samples: readonly Sample[]): Promise<Load>;
}

export async function startFloors(dynamodbEndpoint: string, undo: (() => unknown)[]): Promise<Floors> {
  const child = fork(fileURLToPath(new URL('./floor.ts', import.meta.url)), [dynamodbEndpoint], {
    env: { ...process.env, NODE_ENV: 'production', AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  });
  undo.push(() => child.kill());
  await once(child, 'message');
  return {
    run: async (floor, samples) => {
      const done = once(child, 'message') as Promise<[FloorResult]>;
      child.send({ floor, samples: samples.map(({ calls }) => calls), atOnce: AT_ONCE } satisfies FloorTask);
      const [{ seconds, cpuSeconds }] = await done;
      return { perSecond: samples.length / seconds, cpuMs: (cpuSeconds * 1_000) / samples.length };
    },
  };
}
