import etag from '@fastify/etag';
import type { FastifyInstance } from 'fastify';

const ENTITY_TAG = /(?:W\/)?("[^"]*")/g;

/** Sets a weak `ETag` on each reply of the routes in this scope, and answers 304 if `If-None-Match` has it. Errors are never 304. */
export async function answerConditionally(app: FastifyInstance): Promise<void> {
  await app.register(etag, { weak: true, replyWith304: false });
  app.addHook('onSend', (request, reply, payload, done) => {
    const current = reply.getHeader('etag');
    // GraphQL's errors may have the status 200.
    const isError = reply.statusCode !== 200 || (typeof payload === 'string' && payload.startsWith('{"errors"'));
    if (isError || !matches(request.headers['if-none-match'], String(current))) {
      return done(null, payload);
    }
    reply.code(304);
    done(null, '');
  });
}

/** Compares weakly: RFC 9110 sections 8.8.3.2 and 13.1.2. */
function matches(condition: string | undefined, current: string): boolean {
  if (condition === undefined) return false;
  if (condition.trim() === '*') return true;
  return [...condition.matchAll(ENTITY_TAG)].some(([, opaqueTag]) => `W/${opaqueTag}` === current);
}
