import type { IncomingMessage } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { Connections } from './connections.ts';

/** How long a client may still take to send a request whose beginning has arrived. */
const UNFINISHED_MS = 2_000;

/** By then each request has its answer; who has not taken it is hung up on. */
const UNREAD_MS = 9_600;

/** After so many turns of the event loop that brought nothing, the operating system has nothing more. */
const QUIET_TURNS = 3;

/** Who goes on sending is not waited for. */
const MOST_TURNS = 1_000;

/**
 * Has the server close within 10 s, and not before each request is answered that has arrived. Node by itself would wait for connections
 * that were never used, and for clients that send or read slowly, without end.
 */
export function drainConnections(app: FastifyInstance, connections: Connections): void {
  let isClosing = false;
  let opened = 0;

  app.server.on('connection', () => {
    opened += 1;
  });

  function hangUp(isDone: (requests: readonly IncomingMessage[], unread: number) => boolean): void {
    for (const [socket, { requests, bytesRead }] of connections) {
      if (isDone(requests, socket.bytesRead - bytesRead)) socket.destroy();
    }
  }

  /** Lets in what has arrived, and waits in the operating system to be accepted or read. */
  async function letIn(): Promise<void> {
    let [before, quietTurns] = [-1, 0];
    for (let turns = 0; turns < MOST_TURNS && quietTurns < QUIET_TURNS; turns += 1) {
      await turn();
      let arrived = opened;
      for (const socket of connections.keys()) arrived += socket.bytesRead;
      quietTurns = arrived === before ? quietTurns + 1 : 0;
      before = arrived;
    }
  }

  app.addHook('preClose', async () => {
    isClosing = true;
    await letIn();
    hangUp((requests, unread) => requests.length === 0 && unread === 0);
    const timers = [
      setTimeout(() => hangUp((requests) => !requests.some(({ complete }) => complete)), UNFINISHED_MS),
      setTimeout(() => hangUp(() => true), UNREAD_MS),
    ];
    app.server.once('close', () => {
      for (const timer of timers) clearTimeout(timer);
    });
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    // A client that keeps its connection would keep the server from closing.
    if (isClosing) reply.header('connection', 'close');
    done();
  });
}
