import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { type FastifyInstance, fastify } from 'fastify';
import { expect, onTestFinished, test, vi } from 'vitest';
import { isShed, startInTurns } from '../../src/http/turns.ts';

interface Begun {
  readonly path: string;
  /** In which turn of the event loop. */
  readonly turn: number;
  readonly isShed: boolean;
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
  const app = fastify({
    serverFactory: (handler) => createServer(startInTurns(handler, ({ url }) => url === '/urgent')),
  });
  app.get('/*', (request, reply) => {
    begun.push({ path: request.url, turn, isShed: isShed(request.raw) });
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

test('of many requests that are there at once eight are begun in a turn, or two while many wait, and each once', async () => {
  const { app, begun } = await aServer(2);
  const paths = Array.from({ length: 60 }, (_, index) => `/${index}`);

  const statuses = await getAll(app, paths);

  expect(statuses).toEqual(Array(60).fill(200));
  expect(begun.map(({ path }) => path).toSorted()).toEqual(paths.toSorted());
  const turns = begun.map(({ turn }) => turn);
  expect(turns).toEqual(turns.toSorted((one, other) => one - other));
  const sizes = [...new Set(turns)].map((turn) => turns.filter((each) => each === turn).length);
  // 8 at once, then 2 each time while more than 32 wait, and the others by 8.
  expect(sizes).toEqual([8, ...Array(9).fill(2), ...Array(4).fill(8), 2]);
});

test('what is urgent waits for nobody', async () => {
  const { app, begun } = await aServer(2);

  await getAll(app, [...Array.from({ length: 40 }, (_, index) => `/${index}`), '/urgent']);

  const urgent = begun.findIndex(({ path }) => path === '/urgent');
  expect(urgent).toBeGreaterThan(-1);
  expect(urgent).toBe(8);
});

test('who has waited for a second is known to have', async () => {
  const { app, begun } = await aServer(150);

  await getAll(
    app,
    Array.from({ length: 20 }, (_, index) => `/${index}`),
  );

  // Those of the first turn did not wait, those of the second not since they were seen, and the others for a turn of 1.2 s.
  expect(begun.map((each) => each.isShed)).toEqual([...Array(16).fill(false), ...Array(4).fill(true)]);
});

test('who has hung up meanwhile is not served, and the others are', async () => {
  const { app, begun } = await aServer(10);
  const sockets = await connections(app, 20);

  for (const [index, socket] of sockets.entries()) socket.write(`GET /${index} HTTP/1.1\r\nhost: x\r\n\r\n`);
  const [last] = sockets.slice(-1);
  last?.destroy();
  const statuses = await Promise.all(sockets.slice(0, -1).map((socket) => text(socket)));

  expect(statuses.every((reply) => reply.startsWith('HTTP/1.1 200 '))).toBe(true);
  expect(begun).toHaveLength(19);
});
