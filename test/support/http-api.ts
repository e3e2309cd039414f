import type { HttpApiEvent, HttpApiReply, LambdaContext } from '../../src/lambda/http-api.ts';

/** Where requests come from. */
export const SOURCE_IP = '203.0.113.7';

/**
 * A request as an HTTP API hands it to a function, with all that payload format 2.0 has; see "Create AWS Lambda proxy
 * integrations for HTTP APIs" in the API Gateway developer guide.
 */
export function httpApiEvent(url: URL, init: RequestInit = {}): HttpApiEvent {
  const method = init.method ?? 'GET';
  const names = new Set(url.searchParams.keys());
  const event = {
    version: '2.0',
    routeKey: '$default',
    rawPath: url.pathname,
    rawQueryString: url.search.slice(1),
    headers: {
      host: url.host,
      'x-amzn-trace-id': 'Root=1-67c2f0e8-1f2a3b4c5d6e7f8091a2b3c4',
      'x-forwarded-for': SOURCE_IP,
      'x-forwarded-port': '443',
      'x-forwarded-proto': 'https',
      ...Object.fromEntries(new Headers(init.headers)),
    },
    ...(names.size > 0 && {
      queryStringParameters: Object.fromEntries(
        Array.from(names, (name) => [name, url.searchParams.getAll(name).join(',')]),
      ),
    }),
    requestContext: {
      accountId: '123456789012',
      apiId: 'a1b2c3d4e5',
      domainName: url.host,
      domainPrefix: 'a1b2c3d4e5',
      http: {
        method,
        path: url.pathname,
        protocol: 'HTTP/1.1',
        sourceIp: SOURCE_IP,
        userAgent: 'test',
      },
      requestId: 'JKJaXmPLvHcESHA=',
      routeKey: '$default',
      stage: '$default',
      time: '01/Mar/2026:09:30:00 +0000',
      timeEpoch: 1772357400000,
    },
    ...(typeof init.body === 'string' && { body: init.body }),
    isBase64Encoded: false,
  } as const;
  return event;
}

/** The same event with the body in the other form that an HTTP API may choose. */
export function inBase64(event: HttpApiEvent): HttpApiEvent {
  return { ...event, body: Buffer.from(event.body ?? '').toString('base64'), isBase64Encoded: true };
}

/** `fetch`, by way of an HTTP API and its function. */
export function fetchThrough(
  handler: (event: HttpApiEvent, context: LambdaContext) => Promise<HttpApiReply>,
): typeof fetch {
  return async (input, init) => {
    const reply = await handler(httpApiEvent(new URL(String(input)), init), { awsRequestId: 'a-request' });
    const body = Buffer.from(reply.body, reply.isBase64Encoded ? 'base64' : 'utf8');
    return new Response(body.length > 0 ? body : null, { status: reply.statusCode, headers: { ...reply.headers } });
  };
}
