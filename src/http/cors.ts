import type { FastifyCorsOptions } from '@fastify/cors';

/** Headers of requests that a page may send, in lower case. */
const ALLOWED_HEADERS = [
  'accept',
  'authorization',
  'content-type',
  // Conditional requests and caches. A browser adds the last two to a fetch that sets If-None-Match.
  'if-none-match',
  'cache-control',
  'pragma',
  'x-request-id',
  // Apollo Client, Apollo iOS and Apollo Kotlin
  'apollo-require-preflight',
  'apollographql-client-name',
  'apollographql-client-version',
  'x-apollo-operation-id',
  'x-apollo-operation-name',
  'x-apollo-operation-type',
  // Tracing: W3C Trace Context and Baggage, Sentry, Datadog, Zipkin, New Relic, AWS X-Ray
  'traceparent',
  'tracestate',
  'baggage',
  'sentry-trace',
  'x-datadog-trace-id',
  'x-datadog-parent-id',
  'x-datadog-origin',
  'x-datadog-sampling-priority',
  'x-datadog-tags',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'newrelic',
  'x-amzn-trace-id',
];

/** Returns what CORS allows pages of these origins: GET and POST without cookies. Browsers cache a preflight for a day. */
export function corsOptions(origins: readonly string[]): FastifyCorsOptions {
  return {
    origin: [...origins],
    methods: ['GET', 'POST'],
    allowedHeaders: ALLOWED_HEADERS,
    exposedHeaders: ['etag', 'retry-after', 'x-request-id'],
    maxAge: 86_400,
  };
}
