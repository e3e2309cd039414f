import type { ServerResponse } from 'node:http';
import { type ApolloServer, HeaderMap } from '@apollo/server';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyPluginAsync, FastifyRequest, RouteHandlerMethod } from 'fastify';
import type { OverloadLimits } from '../config/api.ts';
import type { QueryLimits } from '../config/query-limits.ts';
import { DomainError, UnavailableError } from '../errors.ts';
import { type Context, createAnonymousContext, createContext } from '../graphql/context.ts';
import { graphQLError, maskedError } from '../graphql/errors.ts';
import { groupSendWeight } from '../graphql/operation-weight.ts';
import { repetitionLimit } from '../graphql/repetition-limit.ts';
import type { Messaging } from '../messaging/messaging.ts';
import type { User } from '../model.ts';
import { observeCalls } from '../table/table.ts';
import type { GraphQLReport } from '../telemetry/request-report.ts';
import type { DirectoryBreaker } from '../users/breaker.ts';
import { observeDirectory } from '../users/observe.ts';
import type { CachedDirectory } from '../users/user-cache.ts';
import { authenticate, ChallengeError, isAnonymous, missingToken } from './authentication.ts';
import { answerConditionally } from './conditional-requests.ts';
import { checkHosts } from './hosts.ts';
import { type EnterOperation, operationsAtOnce, refuseShed } from './overload.ts';
import { networkOf, type RateLimit, type RateLimits } from './rate-limits.ts';
import { queryParameter } from './strict-json.ts';
import { limitUnsentReplies } from './unsent-replies.ts';

export interface GraphQLRouteParts {
  readonly graphql: ApolloServer<Context>;
  readonly messaging: Messaging;
  readonly directory: CachedDirectory;
  readonly directoryBreaker: DirectoryBreaker;
  /** How long all calls of a request to the directory may take together, in milliseconds. */
  readonly directoryBudgetMs: number;
  /** Finds a token's user, by the request's directory. */
  readonly viewerOf: (token: string, directory: CachedDirectory) => Promise<User>;
  /** Lets a request without a token through to introspection, and no further. */
  readonly anonymousIntrospection: boolean;
  readonly rateLimits: RateLimits;
  readonly queryLimits: QueryLimits;
  /** From where on requests are refused; absent where a process serves one request at a time. */
  readonly overload: OverloadLimits | undefined;
}

/**
 * `/graphql` by the GraphQL over HTTP specification: any operation by POST, queries also by GET, where the reply carries an
 * `ETag` and an unchanged one is 304.
 */
export function graphqlRoute({ graphql, overload, ...parts }: GraphQLRouteParts): FastifyPluginAsync {
  const ends = new WeakMap<FastifyRequest, () => void>();
  const checkRepetitions = repetitionLimit(parts.queryLimits);
  const enter: EnterOperation = overload ? operationsAtOnce(overload) : async () => () => {};
  const operations = fastifyApolloHandler(graphql, {
    context: async (request, reply) => {
      const context = await contextOf(request, parts);
      checkRepetitions(queryOf(request));
      const leave = await enterOperation(enter, context);
      // A reply waits in memory until the client has taken it, and an operation goes on after its client hung up.
      const isClosed = closed(reply.raw);
      ends.set(request, () => void isClosed.then(leave));
      return context;
    },
  });
  const handler: RouteHandlerMethod = async function (request, reply) {
    try {
      return await operations.call(this, request, reply);
    } finally {
      ends.get(request)?.();
    }
  };

  return async (app) => {
    if (overload) refuseShed(app);
    checkHosts(app);
    limitUnsentReplies(app);
    app.addHook('onRequest', (_, reply, done) => {
      // A reply is one person's, and is to be asked for again each time: that is what the ETag is for.
      const vary = reply.getHeader('vary');
      reply
        .header('cache-control', 'private, no-cache')
        .header('vary', vary ? `${vary}, Authorization` : 'Authorization');
      done();
    });

    app.post('/graphql', handler);

    await app.register(async (get) => {
      await answerConditionally(get);
      get.get('/graphql', handler);
    });
  };
}

/** Returns the text of the request's document; an empty one for a persisted query, or for a request that Apollo Server refuses. */
function queryOf(request: FastifyRequest): string {
  if (request.method === 'GET') return queryParameter(request, 'query');
  const { query: text } = (request.body ?? {}) as { readonly query?: unknown };
  return typeof text === 'string' ? text : '';
}

/** Resolves once the client has taken the reply, or has hung up. */
function closed(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.closed) resolve();
    else response.once('close', resolve);
  });
}

/** Waits until the operation of this context may run. */
async function enterOperation(enter: EnterOperation, context: Context): Promise<() => void> {
  return enter(context.isAnonymous ? undefined : context.viewer.id).catch(throwAsGraphQL);
}

/** The parts that a request needs have this long for all that they are asked together, so that nobody waits for more than 10 s, its turn included. */
const DEADLINE_MS = 7_500;

async function contextOf(
  request: FastifyRequest,
  {
    messaging,
    directory,
    directoryBreaker,
    directoryBudgetMs,
    viewerOf,
    anonymousIntrospection,
    rateLimits,
  }: Omit<GraphQLRouteParts, 'graphql' | 'overload'>,
): Promise<Context> {
  const { notes, id, log } = request;
  const deadline = performance.now() + DEADLINE_MS;
  const table = observeCalls(messaging.table, (call) => notes.engineCalls.push(call), { deadline });
  const observed = observeDirectory(directory, {
    onCall: (call) => notes.directoryCalls.push(call),
    deadline,
    breaker: directoryBreaker,
    budgetMs: directoryBudgetMs,
  });
  const parts = {
    messaging: { ...messaging, table, findUsersByHandle: observed.findByHandles, findUsersById: observed.findByIds },
    directory: observed,
    requestId: id,
    log,
    onOperation: (report: GraphQLReport) => {
      notes.graphql = report;
    },
  };
  const refuse = () => rateLimits.spend('refusals', networkOf(request.ip), 1);
  try {
    if (anonymousIntrospection && isAnonymous(request.raw)) {
      await refuse();
      return createAnonymousContext(() => challenge(missingToken()), {
        ...parts,
        spend: async () => {},
        charge: () => {},
      });
    }
    const viewer = await authenticate(request.raw, (token) => viewerOf(token, observed));
    const spend = (limit: RateLimit, count: number) => rateLimits.spend(limit, viewer.id, count);
    await spend('requests', 1);
    const onSend = (memberCount: number) => {
      // The operation itself has counted 1, before it ran. Nothing is refused any more: its other fields may be done.
      const more = groupSendWeight(memberCount) - 1;
      if (more > 0) rateLimits.charge('sends', viewer.id, more);
    };
    const charge = (limit: RateLimit, count: number) => rateLimits.charge(limit, viewer.id, count);
    return createContext(viewer, { ...parts, messaging: { ...parts.messaging, onSend }, spend, charge });
  } catch (error) {
    if (error instanceof ChallengeError) {
      // Requests with a valid token do not count: people may share an address with somebody who guesses at tokens.
      // Nor do expired tokens: a client that gets 429 in place of 401 does not refresh its token.
      if (error.isGuess) {
        await refuse().catch(throwAsGraphQL);
      }
      throw challenge(error);
    }
    if (!(error instanceof DomainError)) {
      request.log.error({ err: error }, 'request failed');
      throw maskedError(request.id);
    }
    if (error instanceof UnavailableError) request.log.warn({ err: error }, 'a part does not answer');
    throw graphQLError(error);
  }
}

/** Throws the error of a limit with the status and the headers that it has outside a resolver too. */
function throwAsGraphQL(error: unknown): never {
  throw error instanceof DomainError ? graphQLError(error) : error;
}

function challenge(error: ChallengeError) {
  return graphQLError(error, {
    status: error.status,
    headers: new HeaderMap([['www-authenticate', error.challenge]]),
  });
}
