import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { fastify } from 'fastify';
import { expect, onTestFinished, test, vi } from 'vitest';
import { UnavailableError } from '../../src/errors.ts';
import { startInTurns } from '../../src/http/turns.ts';

/** A server that notes the turn of the event loop in which it starts each request, and blocks the loop for each. */
async function aServer(blocksMs: number) {
  const started: { readonly path: string; readonly turn: number }[] = [];
  let turn = 0;
  const count = () => {
    turn += 1;
    counting = setImmediate(count);
  };
  let counting = setImmediate(count);
  const app = fastify();
  app.get('/health', async () => started.length);
  await app.register(async (routes) => {
    startInTurns(routes, () => new UnavailableError('Too late'));
    routes.get('/*', (request, reply) => {
      started.push({ path: request.url, turn });
      const end = performance.now() + blocksMs;
      while (performance.now() < end);
      return reply.send('done');
    });
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  onTestFinished(async () => {
    clearImmediate(counting);
    await app.close();
  });
  return { app, started };
}

/** Asks for each path on a connection of its own, all at the same time. @returns the status and the body of each */
async function getAll({ app }: Awaited<ReturnType<typeof aServer>>, paths: readonly string[]) {
  const { port } = app.server.address() as AddressInfo;
  let accepted = 0;
  app.server.on('connection', () => {
    accepted += 1;
  });
  const sockets = paths.map(() => connect(port, '127.0.0.1'));
  for (const socket of sockets) {
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
  }
  await vi.waitFor(() => expect(accepted).toBe(paths.length));
  for (const [index, path] of paths.entries())
    sockets[index]?.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
  return Promise.all(
    sockets.map(async (socket) => {
      const reply = await text(socket);
      return { status: Number(reply.split(' ')[1]), body: reply.split('\r\n\r\n')[1] };
    }),
  );
}

test('of many requests that are there at once, four start in a turn, each once', async () => {
  const server = await aServer(1);
  const paths = Array.from({ length: 30 }, (_, index) => `/${index}`);

  const replies = await getAll(server, paths);

  expect(replies.map(({ status }) => status)).toEqual(paths.map(() => 200));
  expect(server.started.map(({ path }) => path).toSorted()).toEqual(paths.toSorted());
  const turns = server.started.map(({ turn }) => turn);
  const sizes = [...new Set(turns)].map((turn) => turns.filter((each) => each === turn).length);
  expect(Math.max(...sizes)).toBe(4);
});

test('routes elsewhere do not wait', async () => {
  const server = await aServer(1);

  const replies = await getAll(server, [...Array.from({ length: 30 }, (_, index) => `/${index}`), '/health']);

  expect(Number(replies.at(-1)?.body)).toBeLessThan(30);
});

test('a request that waited for more than a second is refused, and does not start', async () => {
  const server = await aServer(300);

  const replies = await getAll(
    server,
    Array.from({ length: 12 }, (_, index) => `/${index}`),
  );

  // The first four take 1.2 s, in which the next four that had arrived wait.
  const served = replies.filter(({ status }) => status === 200);
  expect(served.length).toBeLessThan(12);
  expect(server.started).toHaveLength(served.length);
});
