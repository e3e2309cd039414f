import underPressure from '@fastify/under-pressure';
import type { FastifyInstance } from 'fastify';
import { UnavailableError } from '../errors.ts';

/** How often is looked at how late the event loop was on average since the last time. */
const SAMPLE_MS = 250;

const RETRY_AFTER_SECONDS = 1;

/**
 * Refuses requests of these routes, before anything is done for them, while the event loop is later than this: those that were let in
 * are then served in time, and nobody waits for an answer that comes too late.
 */
export async function shedOverload(app: FastifyInstance, maxEventLoopDelayMs: number): Promise<void> {
  await app.register(underPressure, {
    maxEventLoopDelay: maxEventLoopDelayMs,
    sampleInterval: SAMPLE_MS,
    pressureHandler: async (_, reply) => {
      reply.header('retry-after', RETRY_AFTER_SECONDS);
      throw new UnavailableError('The server has too much to do. Try again later.');
    },
  });
}
