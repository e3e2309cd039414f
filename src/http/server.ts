import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { constants } from 'node:zlib';
import compress from '@fastify/compress';
import cors from '@fastify/cors';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import { createGraphQLServer, type GraphQLServerOptions } from '../graphql/server.ts';
import type { RequestListener } from '../telemetry/request-report.ts';
import { limitBodies } from './bodies.ts';
import { watchConnections } from './connections.ts';
import { corsOptions } from './cors.ts';
import { drainConnections } from './draining.ts';
import { answerClientError, answerErrors } from './error-replies.ts';
import { dropForwardedPorts } from './forwarded.ts';
import { type GraphQLRouteParts, graphqlRoute } from './graphql-route.ts';
import { type HealthOptions, healthRoutes } from './health.ts';
import { limitPipelining } from './pipelining.ts';
import { reportRequests } from './request-reports.ts';
import { setSecurityHeaders } from './security-headers.ts';
import { takeStrictJson } from './strict-json.ts';
import { startInTurns } from './turns.ts';

export interface HttpServerOptions
  extends GraphQLServerOptions,
    Pick<
      GraphQLRouteParts,
      'messaging' | 'directory' | 'directoryBreaker' | 'directoryBudgetMs' | 'viewerOf' | 'rateLimits' | 'overload'
    > {
  readonly log: FastifyBaseLogger;
  /** Origins of pages that may call the API, such as `https://app.example.com`. */
  readonly corsOrigins: readonly string[];
  /** Addresses and ranges of proxies, whose `X-Forwarded-For` says where a request comes from. */
  readonly trustedProxies: readonly string[];
  readonly health: HealthOptions;
  readonly requestListeners: readonly RequestListener[];
}

/** Apollo Sandbox when it is opened at its own address. */
const SANDBOX_ORIGIN = 'https://studio.apollographql.com';

/** The longest request body: the longest body in its longest JSON spelling takes 12 KB, and queries a few more. */
const BODY_LIMIT_BYTES = 100 * 1024;

/** A request's first line and headers together, of which most is the token. */
const HEADER_LIMIT_BYTES = 16 * 1024;

/** How long a client may take to send its headers, and how long for a whole request. */
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;

/** How long an idle connection is kept: longer than load balancers keep theirs, which is mostly 60 s. */
const KEEP_ALIVE_MS = 72_000;

/** A client that takes nothing of its reply for so long is hung up on. No request is under way for as long without one. */
const UNREAD_REPLY_MS = 30_000;

/** How often Node looks for connections that took longer: they are closed so much later at most. */
const CONNECTIONS_CHECK_MS = 500;

/** Smaller replies cost more to compress than they save. */
const COMPRESSION_THRESHOLD_BYTES = 1024;

/** The least effort: the next ones take three times as long, to make a page of 20 messages smaller by another 7 %. */
const COMPRESSION = {
  brotliOptions: { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } },
  zlibOptions: { level: 1 },
};

const REQUEST_ID = /^[\w.-]{1,64}$/;

/**
 * The HTTP server, ready to listen: GraphQL, health, and what goes around them. Closing it takes no new requests, ends those
 * under way, and then stops the GraphQL server.
 */
export async function createHttpServer(options: HttpServerOptions): Promise<FastifyInstance> {
  const { local, log, corsOrigins } = options;
  const graphql = createGraphQLServer(options);
  await graphql.start();

  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    bodyLimit: BODY_LIMIT_BYTES,
    trustProxy: options.trustedProxies.length > 0 && [...options.trustedProxies],
    routerOptions: { ignoreTrailingSlash: true },
    rewriteUrl: ({ url = '/' }) => (isDecodable(url) ? url : UNDECODABLE),
    // What has arrived when the server begins to close is answered like all before it.
    return503OnClosing: false,
    serverFactory: (handler) => {
      const server = createServer(
        {
          maxHeaderSize: HEADER_LIMIT_BYTES,
          headersTimeout: HEADERS_TIMEOUT_MS,
          requestTimeout: REQUEST_TIMEOUT_MS,
          keepAliveTimeout: KEEP_ALIVE_MS,
          connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
        },
        // Orchestrators give up on a process whose health is late.
        startInTurns(handler, ({ url }) => url?.startsWith('/health/') ?? false),
      );
      return server.setTimeout(UNREAD_REPLY_MS);
    },
    clientErrorHandler: answerClientError,
    genReqId: ({ headers }) => requestIdFrom(headers['x-request-id']) ?? randomUUID(),
  });
  const connections = watchConnections(app);
  limitPipelining(app, connections);
  app.addHook('onClose', () => graphql.stop());
  // GraphQL comes as JSON; a page of another site can send plain text without being asked first.
  app.removeContentTypeParser('text/plain');
  drainConnections(app, connections);
  if (options.trustedProxies.length > 0) dropForwardedPorts(app);
  reportRequests(app, options.requestListeners);
  answerErrors(app);
  limitBodies(app);
  takeStrictJson(app);

  setSecurityHeaders(app, {
    // Sandbox brings a policy of its own in its page; nothing else here is for a browser to show.
    contentSecurityPolicy: !local && {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    frameguard: { action: 'deny' },
  });
  await app.register(cors, corsOptions([...corsOrigins, ...(local ? [SANDBOX_ORIGIN] : [])]));
  await app.register(compress, {
    globalDecompression: false,
    threshold: COMPRESSION_THRESHOLD_BYTES,
    ...COMPRESSION,
  });
  await app.register(healthRoutes(options.health));
  await app.register(graphqlRoute({ ...options, graphql, anonymousIntrospection: local }));
  return app;
}

/** A path of no route. Fastify answers a path that cannot be decoded past all hooks, and with the query string. */
const UNDECODABLE = '/undecodable';

function isDecodable(url: string): boolean {
  try {
    decodeURI(url.split('?', 1)[0] ?? '');
    return true;
  } catch {
    return false;
  }
}

function requestIdFrom(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && REQUEST_ID.test(header) ? header : undefined;
}
