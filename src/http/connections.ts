import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** What is known of a connection. */
export interface Connection {
  /** Those that arrived on it and are not answered yet, first come first. */
  readonly requests: IncomingMessage[];
  /** How many bytes of it were read when the last one was answered. */
  bytesRead: number;
}

export type Connections = ReadonlyMap<Socket, Connection>;

/** Keeps account of the connections that are open, and of what is under way on each. */
export function watchConnections(app: FastifyInstance): Connections {
  const connections = new Map<Socket, Connection>();
  app.server.on('connection', (socket: Socket) => {
    connections.set(socket, { requests: [], bytesRead: 0 });
    socket.once('close', () => connections.delete(socket));
  });
  // Before anybody begins the request.
  app.server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const connection = connections.get(request.socket);
    if (!connection) return;
    connection.requests.push(request);
    response.once('close', () => {
      connection.requests.splice(connection.requests.indexOf(request), 1);
      connection.bytesRead = request.socket.bytesRead;
    });
  });
  return connections;
}
