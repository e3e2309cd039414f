import { once } from 'node:events';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import type { Reply } from './api.ts';

/** A request that is on its way, on a connection of its own that is kept open after it. */
export interface SentRequest {
  /** Resolves when all of it was handed to the operating system, and so will arrive. */
  readonly sent: Promise<unknown>;
  readonly answer: Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders; readonly reply: Reply }>;
}

/** Posts an operation. */
export function sendOperation(url: string, token: string, query: string): SentRequest {
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const outgoing = request(url, {
    method: 'POST',
    agent,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
  });
  const answer = once(outgoing, 'response').then(async ([incoming]) => ({
    status: incoming.statusCode,
    headers: incoming.headers,
    reply: JSON.parse(await text(incoming)),
  }));
  const sent = once(outgoing, 'finish');
  outgoing.end(JSON.stringify({ query }));
  return { sent, answer };
}

/** Opens a connection and sends this much on it, which may be nothing. */
export async function openConnection(url: string, start: string): Promise<Socket> {
  const { port } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  // A server that ends may reset it when nobody waits for anything on it any more.
  socket.on('error', () => {});
  await once(socket, 'connect');
  if (start) await new Promise((resolve) => socket.write(start, resolve));
  return socket;
}
