import awsLambdaFastify from '@fastify/aws-lambda';
import type { FastifyInstance } from 'fastify';

/** A request as an HTTP API hands it over, payload format 2.0, as far as it matters here. */
export interface HttpApiEvent {
  readonly version: '2.0';
  readonly rawPath: string;
  readonly rawQueryString: string;
  /** By their names in lower case; one that was sent several times has its values joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly requestContext: {
    readonly http: { readonly method: string; readonly sourceIp: string };
  };
  readonly body?: string;
  readonly isBase64Encoded: boolean;
}

/** The reply that an HTTP API takes, payload format 2.0. */
export interface HttpApiReply {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** A compressed body goes as base64: it is no text. */
  readonly isBase64Encoded?: boolean;
}

export interface LambdaContext {
  readonly awsRequestId: string;
}

/**
 * Serves an HTTP API's requests by the server, which listens nowhere.
 *
 * The handler resolves with the reply, and what is left open then, the directory's connections, is kept for the next request:
 * Lambda waits for an empty event loop only where a handler takes a callback.
 */
export function createHttpApiHandler(
  server: FastifyInstance,
): (event: HttpApiEvent, context: LambdaContext) => Promise<HttpApiReply> {
  const serve = awsLambdaFastify<object>(server, { decorateRequest: false });
  return ({ rawPath, rawQueryString, headers, requestContext, body, isBase64Encoded }, context) =>
    serve(
      {
        // As it was sent: the parameters that come beside it are decoded, and cut or joined at commas.
        path: rawQueryString ? `${rawPath}?${rawQueryString}` : rawPath,
        // Lambda's own lines in the log, and the HTTP API's, name this id too.
        headers: { 'x-request-id': context.awsRequestId, ...headers },
        requestContext,
        body,
        isBase64Encoded,
      },
      // The types ask for all of a context, the code for none.
      context as Parameters<typeof serve>[1],
    );
}
