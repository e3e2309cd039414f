import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { fastify } from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { watchConnections } from '../../src/http/connections.ts';
import { limitPipelining } from '../../src/http/pipelining.ts';
import { startInTurns } from '../../src/http/turns.ts';

/** Sends as many requests at once on a connection, and tells what came back until its end. */
async function pipeline(count: number) {
  const app = fastify({ serverFactory: (handler) => createServer(startInTurns(handler, () => false)) });
  let begun = 0;
  limitPipelining(app, watchConnections(app));
  app.get('/', async () => {
    begun += 1;
    return 'answer';
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  onTestFinished(() => app.close());
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1').setEncoding('utf8');
  onTestFinished(() => void socket.destroy());
  let received = '';
  socket.on('data', (text) => {
    received += text;
  });
  const requests = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(count - 1);
  socket.write(`${requests}GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  socket.on('error', () => {});
  await once(socket, 'close');
  return { answers: received.split('answer').length - 1, begun };
}

test('16 requests at once are answered', async () => {
  expect(await pipeline(16)).toEqual({ answers: 16, begun: 16 });
});

test('who sends more at once is hung up on, and what was not begun never is', async () => {
  const { answers, begun } = await pipeline(1_000);

  expect(answers).toBeLessThan(1_000);
  expect(begun).toBeLessThanOrEqual(16);
});
