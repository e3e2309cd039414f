import type { HttpApiReply, LambdaContext } from '../../src/lambda/http-api.ts';
import type { HttpApiEvent, HttpEvent, LoadBalancerEvent, RestApiEvent } from '../../src/lambda/http-events.ts';

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

/** Puts the event of an HTTP API under a stage that has a name. */
export function underStage(event: HttpApiEvent, stage: string): HttpApiEvent {
  return { ...event, rawPath: `/${stage}${event.rawPath}`, requestContext: { ...event.requestContext, stage } };
}

/** The request as a REST API hands it over; see "Input format of a Lambda function for proxy integration" in the API Gateway guide. */
export function restApiEvent(url: URL, init: RequestInit, stage: string): RestApiEvent {
  const names = [...new Set(url.searchParams.keys())];
  const headers = [['Host', url.host], ['X-Forwarded-For', SOURCE_IP], ...new Headers(init.headers)] as [
    string,
    string,
  ][];
  const event = {
    resource: '/{proxy+}',
    path: url.pathname,
    httpMethod: init.method ?? 'GET',
    headers: Object.fromEntries(headers),
    multiValueHeaders: Object.fromEntries(headers.map(([name, value]) => [name, [value]])),
    queryStringParameters: names.length > 0 ? Object.fromEntries(url.searchParams) : null,
    multiValueQueryStringParameters:
      names.length > 0 ? Object.fromEntries(names.map((name) => [name, url.searchParams.getAll(name)])) : null,
    pathParameters: { proxy: url.pathname.slice(1) },
    requestContext: {
      stage,
      path: `/${stage}${url.pathname}`,
      resourcePath: '/{proxy+}',
      httpMethod: init.method ?? 'GET',
      identity: { sourceIp: SOURCE_IP },
      requestId: 'c6af9ac6-7b61-11e6-9a41-93e8deadbeef',
    },
    body: typeof init.body === 'string' ? init.body : null,
    isBase64Encoded: false,
  };
  return event;
}

/** The request as an HTTP API with payload format 1.0 hands it over: the path has the stage in it. */
export function formatOneEvent(url: URL, init: RequestInit, stage: string): RestApiEvent {
  const event = restApiEvent(url, init, stage);
  return { ...event, path: event.requestContext.path };
}

/** The request as an Application Load Balancer hands it over; a client has sent an address of its own. */
export function loadBalancerEvent(url: URL, init: RequestInit, kind: 'single' | 'multi'): LoadBalancerEvent {
  const headers = [['host', url.host], ['x-forwarded-for', `198.51.100.1, ${SOURCE_IP}`], ...new Headers(init.headers)];
  // They come as the client encoded them.
  const query = url.search
    .slice(1)
    .split('&')
    .filter(Boolean)
    .map((pair) => pair.split('=', 2) as [string, string]);
  return {
    requestContext: {
      elb: { targetGroupArn: 'arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/api/1' },
    },
    httpMethod: init.method ?? 'GET',
    path: url.pathname,
    ...(kind === 'single'
      ? { headers: Object.fromEntries(headers), queryStringParameters: Object.fromEntries(query) }
      : {
          multiValueHeaders: Object.fromEntries(headers.map(([name, value]) => [name, [value]])),
          multiValueQueryStringParameters: Object.fromEntries(query.map(([name, value]) => [name, [value]])),
        }),
    body: typeof init.body === 'string' ? init.body : '',
    isBase64Encoded: false,
  } as LoadBalancerEvent;
}

/** The same event with the body in the other form that an HTTP API may choose. */
export function inBase64(event: HttpApiEvent): HttpApiEvent {
  return { ...event, body: Buffer.from(event.body ?? '').toString('base64'), isBase64Encoded: true };
}

/** `fetch`, by way of an HTTP API and its function. */
export function fetchThrough(
  handler: (event: HttpEvent, context: LambdaContext) => Promise<HttpApiReply>,
): typeof fetch {
  return async (input, init) => {
    const reply = await handler(httpApiEvent(new URL(String(input)), init), { awsRequestId: 'a-request' });
    const body = Buffer.from(reply.body, reply.isBase64Encoded ? 'base64' : 'utf8');
    return new Response(body.length > 0 ? body : null, { status: reply.statusCode, headers: { ...reply.headers } });
  };
}
