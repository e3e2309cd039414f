import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { UnavailableError } from '../errors.ts';

/** Bodies under way that are larger than this have so many bytes together at most: anybody may begin one, without a token. */
const LARGE_BYTES = 16 * 1024;
const MAX_LARGE_BYTES = 32 * 1024 * 1024;

/** Refuses large bodies with 503 while too many of them are on their way. They wait in memory until they have arrived. */
export function limitBodies(app: FastifyInstance): void {
  let underWay = 0;
  app.addHook('onRequest', (request, reply, done) => {
    const bytes = announcedBytes(request.raw, app.initialConfig.bodyLimit ?? 0);
    if (bytes <= LARGE_BYTES) return done();
    if (underWay + bytes > MAX_LARGE_BYTES) {
      reply.header('connection', 'close');
      return done(new UnavailableError('Too many large requests are on their way. Try again later.'));
    }
    underWay += bytes;
    let isOver = false;
    const over = () => {
      if (!isOver) underWay -= bytes;
      isOver = true;
    };
    request.raw.once('end', over);
    reply.raw.once('close', over);
    return done();
  });
}

/** A body without a length may be as long as is allowed. */
function announcedBytes({ headers }: IncomingMessage, most: number): number {
  if (headers['transfer-encoding'] !== undefined) return most;
  return Math.min(Number(headers['content-length'] ?? 0), most);
}
