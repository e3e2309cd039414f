import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { UnavailableError } from '../errors.ts';
import { networkOf } from './rate-limits.ts';

/** Bodies that are larger than this count. */
const LARGE_BYTES = 16 * 1024;

/** The bytes that all large bodies under way may have together, and those from one network. No token is needed to begin one. */
const MAX_LARGE_BYTES = 32 * 1024 * 1024;
const MAX_FROM_ONE_NETWORK = MAX_LARGE_BYTES / 4;

/** Refuses large bodies with 503 while too many of them are on their way. They wait in memory until they have arrived. */
export function limitBodies(app: FastifyInstance): void {
  let all = 0;
  /** Of networks with a large body under way. */
  const byNetwork = new Map<string, number>();
  app.addHook('onRequest', (request, reply, done) => {
    const bytes = announcedBytes(request.raw, app.initialConfig.bodyLimit ?? 0);
    if (bytes <= LARGE_BYTES) return done();
    const network = networkOf(request.ip);
    const count = (more: number) => {
      all += more;
      const left = (byNetwork.get(network) ?? 0) + more;
      if (left > 0) byNetwork.set(network, left);
      else byNetwork.delete(network);
    };
    if (all + bytes > MAX_LARGE_BYTES || (byNetwork.get(network) ?? 0) + bytes > MAX_FROM_ONE_NETWORK) {
      reply.header('connection', 'close');
      return done(new UnavailableError('Too many large requests are on their way. Try again later.'));
    }
    count(bytes);
    let isOver = false;
    const over = () => {
      if (!isOver) count(-bytes);
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
