import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { type FastifyInstance, fastify } from 'fastify';
import { expect, onTestFinished, test, vi } from 'vitest';
import { beginInTurns, hasWaitedLong } from '../../src/http/turns.ts';

interface Begun {
  readonly path: string;
  /** In which turn of the event loop. */
  readonly turn: number;
  readonly hasWaitedLong: boolean;
}

/** A server that notes what it begins, and takes so long for each, in which nothing else can happen. */
async function aServer(takesMs: number) {
  const begun: Begun[] = [];
  let turn = 0;
  const count = () => {
    turn += 1;
    counting = setImmediate(count);
  };
  let counting = setImmediate(count);
  const app = fastify();
  beginInTurns(app, ({ url }) => url === '/urgent');
  app.get('/*', (request, reply) => {
    begun.push({ path: request.url, turn, hasWaitedLong: hasWaitedLong(request.raw) });
    const end = performance.now() + takesMs;
    while (performance.now() < end);
    return reply.header('connection', 'close').send(request.url);
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  onTestFinished(async () => {
    clearImmediate(counting);
    await app.close();
  });
  return { app, begun };
}

/** Connections that the server has accepted. */
async function connections(app: FastifyInstance, count: number): Promise<Socket[]> {
  const { port } = app.server.address() as AddressInfo;
  let accepted = 0;
  app.server.on('connection', () => {
    accepted += 1;
  });
  const sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1'));
  for (const socket of sockets) {
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
  }
  await vi.waitFor(() => expect(accepted).toBe(count));
  return sockets;
}

/** Asks for each path on a connection of its own, all at the same time. @returns the statuses */
async function getAll(app: FastifyInstance, paths: readonly string[]): Promise<number[]> {
  const sockets = await connections(app, paths.length);
  for (const [index, path] of paths.entries()) sockets[index]?.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
  return Promise.all(sockets.map(async (socket) => Number((await text(socket)).split(' ')[1])));
}

test('of many requests that are there at once two are begun in a turn, each once, and in their order', async () => {
  const { app, begun } = await aServer(2);
  const paths = Array.from({ length: 20 }, (_, index) => `/${index}`);

  const statuses = await getAll(app, paths);

  expect(statuses).toEqual(Array(20).fill(200));
  expect(begun.map(({ path }) => path).toSorted()).toEqual(paths.toSorted());
  const turns = begun.map(({ turn }) => turn);
  expect(turns).toEqual(turns.toSorted((one, other) => one - other));
  const inTurn = (turn: number) => turns.filter((each) => each === turn).length;
  expect(Math.max(...turns.map(inTurn))).toBe(2);
});

test('what is urgent waits for nobody', async () => {
  const { app, begun } = await aServer(2);

  await getAll(app, [...Array.from({ length: 20 }, (_, index) => `/${index}`), '/urgent']);

  const urgent = begun.findIndex(({ path }) => path === '/urgent');
  expect(urgent).toBeGreaterThan(-1);
  expect(urgent).toBeLessThan(5);
});

test('who has waited for a second is known to have, and is not waited for by as many others', async () => {
  const { app, begun } = await aServer(300);

  await getAll(app, ['/0', '/1', '/2', '/3', '/4', '/5', '/6', '/7', '/8', '/9']);

  const waited = begun.map((each) => each.hasWaitedLong);
  expect(waited.slice(0, 2)).toEqual([false, false]);
  expect(waited).toEqual(waited.toSorted());
  const long = begun.filter((each) => each.hasWaitedLong);
  expect(long.length).toBeGreaterThanOrEqual(4);
  expect(new Set(long.map(({ turn }) => turn)).size).toBe(1);
});

test('who has hung up meanwhile is not served, and the others are', async () => {
  const { app, begun } = await aServer(50);
  const sockets = await connections(app, 10);

  for (const [index, socket] of sockets.entries()) socket.write(`GET /${index} HTTP/1.1\r\nhost: x\r\n\r\n`);
  const [last] = sockets.slice(-1);
  last?.destroy();
  const statuses = await Promise.all(sockets.slice(0, -1).map((socket) => text(socket)));

  expect(statuses.every((reply) => reply.startsWith('HTTP/1.1 200 '))).toBe(true);
  expect(begun).toHaveLength(9);
});
