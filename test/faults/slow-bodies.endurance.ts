import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { anApi, type TestApi, useApi } from '../support/api.ts';

useApi();

const CLIENTS = 200;

/** A client that has sent its headers, and sends its body so slowly that it never ends. */
async function aSlowClient(api: TestApi, authorization: string): Promise<Socket> {
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
  await once(socket, 'connect');
  // The server hangs up while the client still writes.
  socket.on('error', () => {});
  const lines = [
    'host: x',
    `authorization: ${authorization}`,
    'content-type: application/json',
    'content-length: 5000',
  ];
  socket.write(`POST /graphql HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n{`);
  const trickle = setInterval(() => socket.write(' '), 200);
  socket.once('close', () => clearInterval(trickle));
  onTestFinished(() => void socket.destroy());
  return socket;
}

test('200 clients that trickle their bodies are hung up on within 12 s, and others are served meanwhile', async () => {
  const api = await anApi({ overload: { atOnce: 1 } });
  const [ann] = await api.people(1);
  const authorization = `Bearer ${await api.issuer.token(ann.subject)}`;
  const startedAt = performance.now();
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => aSlowClient(api, authorization)));

  const endings = Promise.all(
    clients.map(async (socket) => ({ reply: await text(socket), atMs: performance.now() - startedAt })),
  );
  const served = await api.post(ann, '{ viewer { handle } }');
  const servedMs = performance.now() - startedAt;
  const refused = await endings;

  expect(served.status).toBe(200);
  expect(servedMs).toBeLessThan(Math.min(...refused.map(({ atMs }) => atMs)));
  expect(Math.max(...refused.map(({ atMs }) => atMs))).toBeLessThan(12_000);
  for (const { reply } of refused) expect(reply).toMatch(/^HTTP\/1\.1 408 /);
  expect(api.calls).toEqual([]);
}, 40_000);
