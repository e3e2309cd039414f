import underPressure from '@fastify/under-pressure';
import type { FastifyInstance, FastifyReply, RouteHandlerMethod } from 'fastify';
import pLimit from 'p-limit';
import type { OverloadLimits } from '../config/api.ts';
import { UnavailableError } from '../errors.ts';
import { hasWaitedLong } from './turns.ts';

/**
 * How often is looked at how late the event loop was on average since the last time. Where a higher limit is set, as often as that: of a loop
 * that stood still in between there is no average, which counts as above any limit.
 */
const SAMPLE_MS = 250;

const RETRY_AFTER_SECONDS = 1;

const WAITING_FOR_EACH = 5;

/** Who waits for longer is refused. With the time that the parts of a request have, it stays below 10 s. */
const PATIENCE_MS = 1_000;

/**
 * Refuses requests of these routes, before anything is done for them, while the event loop is late: those that were let in are then
 * served in time, and nobody waits for an answer that comes too late.
 */
export async function refuseWhileLate(
  app: FastifyInstance,
  { eventLoopDelayMs }: Pick<OverloadLimits, 'eventLoopDelayMs'>,
): Promise<void> {
  app.addHook('onRequest', (request, reply, done) => {
    if (hasWaitedLong(request.raw)) done(refusal(reply));
    else done();
  });
  await app.register(underPressure, {
    maxEventLoopDelay: eventLoopDelayMs,
    sampleInterval: Math.max(SAMPLE_MS, eventLoopDelayMs),
    pressureHandler: async (_, reply) => {
      reply.header('retry-after', RETRY_AFTER_SECONDS);
      throw tooMuch();
    },
  });
}

/**
 * Lets a handler do only so much at once; five times as many requests wait for their turn, and the rest are refused: a burst is there
 * before anyone could measure that the event loop is late. Nobody waits for long. A request counts from when it has arrived whole, so
 * that who sends slowly takes nobody's place.
 */
export function atMostAtOnce(most: number, handler: RouteHandlerMethod): RouteHandlerMethod {
  const turn = pLimit(most);
  return async function (request, reply) {
    if (turn.activeCount < most) return turn(() => handler.call(this, request, reply));
    if (turn.pendingCount >= most * WAITING_FOR_EACH) throw refusal(reply);
    return new Promise((resolve, reject) => {
      let isGivenUp = false;
      const impatience = setTimeout(() => {
        isGivenUp = true;
        reject(refusal(reply));
      }, PATIENCE_MS);
      const serve = async () => {
        clearTimeout(impatience);
        if (!isGivenUp) resolve(await handler.call(this, request, reply));
      };
      turn(serve).catch(reject);
    });
  };
}

function refusal(reply: FastifyReply): UnavailableError {
  reply.header('retry-after', RETRY_AFTER_SECONDS);
  return tooMuch();
}

function tooMuch(): UnavailableError {
  return new UnavailableError('The server has too much to do. Try again later.');
}
