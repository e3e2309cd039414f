import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

/** So many requests start in one turn of the event loop. While many wait, turns are shorter, so that answers and connections get through. */
const STARTS_PER_TURN = 8;
const STARTS_PER_TURN_WHILE_BUSY = 2;
const BUSY = 32;

/** A request that waited for so long is shed, in milliseconds. */
const MAX_WAIT_MS = 1_000;

/** A refusal takes so much of what serving a request takes. */
const REFUSAL_COST = 1 / 8;

const shed = new WeakSet<IncomingMessage>();

/** Tells whether a request waited for more than 1 s and must be refused. */
export function isShed(request: IncomingMessage): boolean {
  return shed.has(request);
}

/**
 * Wraps the listener of an HTTP server: starts only so many requests in each turn of the event loop. Others wait, first come first, for at
 * most 1 s. Without it, Node starts all requests that have arrived on all connections before it reads the answers of DynamoDB and accepts
 * the next connection. The queue is bounded by the connections, which have 16 requests each at most.
 *
 * @param isUrgent which requests do not wait
 */
export function startInTurns(start: RequestListener, isUrgent: (request: IncomingMessage) => boolean): RequestListener {
  const waiting: { readonly request: IncomingMessage; readonly response: ServerResponse; readonly since: number }[] =
    [];
  let started = 0;
  const isTurnOver = () => started >= (waiting.length > BUSY ? STARTS_PER_TURN_WHILE_BUSY : STARTS_PER_TURN);

  function run(request: IncomingMessage, response: ServerResponse, cost: number): void {
    if (started === 0) setImmediate(nextTurn);
    started += cost;
    // A client that has hung up meanwhile needs no answer.
    if (!request.socket.destroyed) start(request, response as Parameters<RequestListener>[1]);
  }

  function nextTurn(): void {
    started = 0;
    const lateSince = performance.now() - MAX_WAIT_MS;
    for (let next = waiting[0]; next && !isTurnOver(); next = waiting[0]) {
      waiting.shift();
      const isLate = next.since < lateSince;
      if (isLate) shed.add(next.request);
      run(next.request, next.response, isLate ? REFUSAL_COST : 1);
    }
  }

  return (request, response) => {
    if (request.socket.destroyed) return;
    if (isUrgent(request) || (waiting.length === 0 && !isTurnOver())) run(request, response, 1);
    else waiting.push({ request, response, since: performance.now() });
  };
}
