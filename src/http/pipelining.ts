import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Connections } from './connections.ts';

/** Most clients send one request and wait. Some proxies send a few. */
const MOST_UNDER_WAY = 16;

/**
 * Closes a connection on which a client sends more than 16 requests before it takes their answers (pipelining: RFC 9112 section 9.3.2).
 * Node reads on and starts them all, so one connection could fill the memory. `startInTurns` starts nothing of a closed connection.
 */
export function limitPipelining(app: FastifyInstance, connections: Connections): void {
  // Before anybody begins the request, and before it is counted itself.
  app.server.prependListener('request', ({ socket }: IncomingMessage) => {
    if ((connections.get(socket)?.requests.length ?? 0) >= MOST_UNDER_WAY) socket.destroy();
  });
}
