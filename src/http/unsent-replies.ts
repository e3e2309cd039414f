import type { FastifyInstance } from 'fastify';
import { UnavailableError } from '../errors.ts';

/** So many bytes of large replies wait at most for clients to take them. */
const MAX_UNSENT_BYTES = 64 * 1024 * 1024;

/** Smaller replies do not count: there is one for each operation that may run. */
const LARGE_BYTES = 64 * 1024;

/** Refuses large replies of these routes with 503 while clients have too many of them to take. Replies wait in memory. */
export function limitUnsentReplies(app: FastifyInstance): void {
  let unsent = 0;
  app.addHook('onSend', (_request, reply, payload, done) => {
    const bytes = typeof payload === 'string' ? Buffer.byteLength(payload) : 0;
    if (bytes < LARGE_BYTES) return done();
    if (unsent + bytes > MAX_UNSENT_BYTES)
      return done(new UnavailableError('Too many replies wait to be read. Try again later.'));
    unsent += bytes;
    reply.raw.once('close', () => {
      unsent -= bytes;
    });
    return done();
  });
}
