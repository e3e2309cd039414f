import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance } from 'fastify';
import { UnavailableError } from '../errors.ts';

/** Codes of what goes wrong outside GraphQL, by their HTTP status; for all others `BAD_REQUEST`. */
const CODES: Readonly<Record<number, string>> = {
  408: 'REQUEST_TIMEOUT',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  431: 'HEADERS_TOO_LARGE',
};

/** After how many seconds a client may ask again. */
const RETRY_AFTER_SECONDS = 1;

/** Errors outside GraphQL have the form of GraphQL's, so that a client has one to deal with. */
export function answerErrors(app: FastifyInstance): void {
  app.setNotFoundHandler((_, reply) =>
    reply.code(404).send(errorBody('There is nothing here. Try /graphql.', 'NOT_FOUND')),
  );
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    if (error instanceof UnavailableError)
      return reply.code(503).header('retry-after', RETRY_AFTER_SECONDS).send(errorBody(error.message, error.code));
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).send(errorBody(error.message, codeOf(status)));
    request.log.error({ err: error }, 'request failed');
    const body = errorBody('Something went wrong on our side.', 'INTERNAL_SERVER_ERROR', { requestId: request.id });
    return reply.code(500).send(body);
  });
}

/** Answers what Node itself does not take for a request, and hangs up. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const { status, message } = REFUSED_BY_NODE[error.code ?? ''] ?? {
    status: 400,
    message: 'This is not a request by HTTP.',
  };
  if (socket.writable) {
    const body = JSON.stringify(errorBody(message, codeOf(status)));
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  }
  socket.destroy(error);
}

/** By the codes of Node's errors. */
const REFUSED_BY_NODE: Readonly<Record<string, { status: number; message: string }>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'The request took too long to arrive.' },
  HPE_HEADER_OVERFLOW: { status: 431, message: 'The headers are larger than 16 KB.' },
};

function codeOf(status: number): string {
  return CODES[status] ?? 'BAD_REQUEST';
}

/** Returns the body of a reply that is an error outside GraphQL. */
export function errorBody(message: string, code: string, more: object = {}) {
  return { errors: [{ message, extensions: { code, ...more } }] };
}
