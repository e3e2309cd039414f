import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** Brackets within brackets. The deepest input of the schema has 4, and its longest request 5. */
const MAX_DEPTH = 32;

/** What the client is told of a request whose JSON is not taken. */
class JsonError extends Error {
  override readonly name = 'JsonError';
  readonly statusCode: number;

  constructor(message: string, statusCode = 400) {
    super(message);
    this.statusCode = statusCode;
  }
}

/**
 * Takes JSON only as it should be, in bodies and in the parameters of a GET: in valid UTF-8, of a sane depth, without keys that
 * reach for an object's prototype. Everything else is 400, and 415 for a body that is compressed: nothing is unpacked, so a small
 * body stays small.
 */
export function takeStrictJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');

  app.addHook('onRequest', ({ headers }, reply, done) => {
    const encoding = headers['content-encoding'];
    if (encoding === undefined || encoding.toLowerCase() === 'identity') return done();
    // Of the body nothing is read, however much is on its way.
    reply.header('connection', 'close');
    return done(new JsonError('Send the body without a Content-Encoding.', 415));
  });

  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    // By itself Node puts a replacement character where there is none, which would then be part of a message.
    if (!isUtf8(body)) return done(new JsonError('The body is not valid UTF-8.'));
    const text = body.toString();
    if (isTooDeep(text)) return done(new JsonError(TOO_DEEP));
    return parse(request, text, done);
  });

  app.addHook('preValidation', (request, _, done) => {
    for (const name of ['variables', 'extensions']) {
      const text = queryParameter(request, name);
      if (text === '') continue;
      if (isTooDeep(text)) return done(new JsonError(TOO_DEEP));
      let refusal: Error | null = null;
      // It calls back at once.
      parse(request, text, (error) => {
        refusal = error;
      });
      if (refusal) return done(refusal);
    }
    return done();
  });
}

/**
 * Returns a parameter of a request's query string; an empty text if there is none. Reads it as Apollo Server does, because Fastify decodes some
 * parameters differently.
 */
export function queryParameter({ url }: FastifyRequest, name: string): string {
  const start = url.indexOf('?');
  return start < 0 ? '' : (new URLSearchParams(url.slice(start)).get(name) ?? '');
}

const TOO_DEEP = `JSON may not be deeper than ${MAX_DEPTH} levels.`;

const [QUOTE, BACKSLASH, OPENING, CLOSING] = ['"', '\\', '[{', ']}'];

/** Counts without parsing, so that the depth costs no stack. */
function isTooDeep(json: string): boolean {
  let depth = 0;
  let isInText = false;
  for (let at = 0; at < json.length; at += 1) {
    const character = json.charAt(at);
    if (isInText) {
      if (character === BACKSLASH) at += 1;
      else if (character === QUOTE) isInText = false;
    } else if (character === QUOTE) {
      isInText = true;
    } else if (OPENING.includes(character)) {
      depth += 1;
      if (depth > MAX_DEPTH) return true;
    } else if (CLOSING.includes(character)) {
      depth -= 1;
    }
  }
  return false;
}
