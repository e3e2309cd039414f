import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** A browser sends one and waits, and so do most clients; proxies that do otherwise send a few. */
const MOST_UNDER_WAY = 16;

/**
 * Hangs up on whoever sends more requests on one connection than that before taking their answers (pipelining: RFC 9112 section 9.3.2).
 * Node goes on reading and begins them all, so that one connection could fill the memory.
 */
export function limitPipelining(app: FastifyInstance): void {
  const underWay = new WeakMap<Socket, number>();
  // Before anybody begins the request.
  app.server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const count = (underWay.get(socket) ?? 0) + 1;
    if (count > MOST_UNDER_WAY) socket.destroy();
    underWay.set(socket, count);
    response.once('close', () => underWay.set(socket, (underWay.get(socket) ?? 1) - 1));
  });
}
