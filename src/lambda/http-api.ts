import { METHODS } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { errorBody } from '../http/error-replies.ts';
import { type HttpEvent, requestOf } from './http-events.ts';

/** The reply that API Gateway and load balancers take. */
export interface HttpApiReply {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Only for load balancers, whose target groups may read these in place of `headers`. */
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[]>>;
  readonly body: string;
  /** Whether the body is base64, as a compressed one is. */
  readonly isBase64Encoded: boolean;
}

export interface LambdaContext {
  readonly awsRequestId: string;
}

/**
 * Serves the requests of an HTTP API, REST API or load balancer by a server that listens nowhere.
 *
 * The handler resolves with the reply. Open connections to the directory are kept for the next request, because Lambda waits for an empty
 * event loop only if a handler takes a callback.
 */
export function createHttpApiHandler(
  server: FastifyInstance,
): (event: HttpEvent, context: LambdaContext) => Promise<HttpApiReply> {
  return async (event, { awsRequestId }) => {
    const { method, url, headers, sourceIp } = requestOf(event);
    // The server that listens refuses such a request before it is one, and the injected one throws.
    if (!METHODS.includes(method)) return UNKNOWN_METHOD;
    const reply = await server.inject({
      method: method as 'GET',
      url,
      // Lambda's own log lines, and API Gateway's, name this id too.
      headers: { 'x-request-id': awsRequestId, ...headers },
      remoteAddress: sourceIp,
      ...(event.body != null && { payload: Buffer.from(event.body, event.isBase64Encoded ? 'base64' : 'utf8') }),
    });
    const replyHeaders = textHeaders(reply.headers);
    const isBase64Encoded = 'content-encoding' in replyHeaders;
    return {
      statusCode: reply.statusCode,
      headers: replyHeaders,
      ...('elb' in event.requestContext && {
        multiValueHeaders: Object.fromEntries(Object.entries(replyHeaders).map(([name, value]) => [name, [value]])),
      }),
      body: reply.rawPayload.toString(isBase64Encoded ? 'base64' : 'utf8'),
      isBase64Encoded,
    };
  };
}

/** RFC 9110 section 15.6.2: the server does not recognize the method. */
const UNKNOWN_METHOD: HttpApiReply = {
  statusCode: 501,
  headers: { 'content-type': 'application/json; charset=utf-8' },
  body: JSON.stringify(errorBody('The method of the request is unknown.', 'BAD_REQUEST')),
  isBase64Encoded: false,
};

/** API Gateway takes headers as single texts. */
function textHeaders(
  headers: Readonly<Record<string, number | string | string[] | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}
