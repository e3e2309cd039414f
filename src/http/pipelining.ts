import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Connections } from './connections.ts';

/** A browser sends one and waits, and so do most clients; proxies that do otherwise send a few. */
const MOST_UNDER_WAY = 16;

/**
 * Hangs up on whoever sends more requests on one connection than that before taking their answers (pipelining: RFC 9112 section 9.3.2).
 * Node goes on reading and begins them all, so that one connection could fill the memory.
 */
export function limitPipelining(app: FastifyInstance, connections: Connections): void {
  // Before anybody begins the request, and before it is counted itself.
  app.server.prependListener('request', ({ socket }: IncomingMessage) => {
    if ((connections.get(socket)?.requests.length ?? 0) >= MOST_UNDER_WAY) socket.destroy();
  });
}
