import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** More turns take more time, so there are no more of them than there have to be: where a crowd waits, they are short. */
const REQUESTS_A_TURN = 8;
const REQUESTS_A_TURN_IN_A_CROWD = 2;
const CROWD = 32;

/** What waited for longer is to be refused, which takes a fraction of that. */
const PATIENCE_MS = 1_000;
const REFUSED_FOR_ONE = 8;

const impatient = new WeakSet<IncomingMessage>();

/** Whether a request has waited for its turn for too long to be served in time. */
export function hasWaitedLong(request: IncomingMessage): boolean {
  return impatient.has(request);
}

/**
 * Begins only so many requests in each turn of the event loop; the others wait for the next turns, in their order. By itself Node begins
 * all that have arrived, on hundreds of connections, before it goes on to read the engine's answers and to accept new connections, of
 * which it takes one a turn: in a flood, whoever comes anew and asks no more than whether the process lives would wait for many seconds.
 *
 * @param isUrgent which requests don't wait
 */
export function beginInTurns(app: FastifyInstance, isUrgent: (request: IncomingMessage) => boolean): void {
  const [begin] = app.server.listeners('request') as [RequestListener];
  app.server.removeListener('request', begin);
  const waiting: { request: IncomingMessage; response: ServerResponse; since: number }[] = [];
  let begun = 0;
  const isTurnOver = () => begun >= (waiting.length > CROWD ? REQUESTS_A_TURN_IN_A_CROWD : REQUESTS_A_TURN);

  function beginOne(request: IncomingMessage, response: ServerResponse, share: number): void {
    if (begun === 0) setImmediate(nextTurn);
    begun += share;
    // Who has hung up meanwhile wants no answer.
    if (!request.socket.destroyed) begin(request, response);
  }

  function nextTurn(): void {
    begun = 0;
    const impatientSince = performance.now() - PATIENCE_MS;
    for (let next = waiting[0]; next && !isTurnOver(); next = waiting[0]) {
      waiting.shift();
      const isImpatient = next.since < impatientSince;
      if (isImpatient) impatient.add(next.request);
      beginOne(next.request, next.response, isImpatient ? 1 / REFUSED_FOR_ONE : 1);
    }
  }

  app.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (request.socket.destroyed) return;
    if (isUrgent(request) || (waiting.length === 0 && !isTurnOver())) beginOne(request, response, 1);
    else waiting.push({ request, response, since: performance.now() });
  });
}
