import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { UnavailableError } from '../errors.ts';

/** So many requests start in one turn of the event loop. More make the turns longer. */
const STARTS_PER_TURN = 4;

/** A request that waited for so long is refused, in milliseconds. */
const MAX_WAIT_MS = 1_000;

/** A refusal takes so much of what a request takes. */
const REFUSAL_COST = 1 / 8;

interface Waiting {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly since: number;
  readonly start: (error?: Error) => void;
}

/**
 * Starts only so many requests of these routes in each turn of the event loop; the others wait, first come first. Without it, Node starts
 * all requests that have arrived on all connections before it reads the answers of DynamoDB and accepts the next connection.
 *
 * @param refuse makes the error for a request that waited for more than 1 s
 */
export function startInTurns(app: FastifyInstance, refuse: () => UnavailableError): void {
  const waiting: Waiting[] = [];
  let left = STARTS_PER_TURN;

  function nextTurn(): void {
    left = STARTS_PER_TURN;
    const lateSince = performance.now() - MAX_WAIT_MS;
    while (left > 0) {
      const next = waiting.shift();
      if (!next) return;
      if (next.request.raw.socket.destroyed) {
        next.reply.hijack();
        continue;
      }
      const isLate = next.since < lateSince;
      spend(isLate ? REFUSAL_COST : 1);
      next.start(isLate ? refuse() : undefined);
    }
  }

  function spend(cost: number): void {
    if (left === STARTS_PER_TURN) setImmediate(nextTurn);
    left -= cost;
  }

  app.addHook('onRequest', (request, reply, done) => {
    if (waiting.length > 0 || left <= 0) {
      waiting.push({ request, reply, since: performance.now(), start: done });
      return;
    }
    spend(1);
    done();
  });
}
