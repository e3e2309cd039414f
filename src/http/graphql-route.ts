import { type ApolloServer, HeaderMap } from '@apollo/server';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import type { OverloadLimits } from '../config/api.ts';
import { DomainError, RateLimitedError } from '../errors.ts';
import { type Context, createAnonymousContext, createContext } from '../graphql/context.ts';
import { graphQLError, maskedError } from '../graphql/errors.ts';
import type { Messaging } from '../messaging/messaging.ts';
import type { User } from '../model.ts';
import { observeCalls } from '../table/table.ts';
import type { GraphQLReport } from '../telemetry/request-report.ts';
import type { RememberingDirectory } from '../users/known-people.ts';
import { observeDirectory } from '../users/observe.ts';
import { authenticate, ChallengeError, isAnonymous, missingToken } from './authentication.ts';
import { answerConditionally } from './conditional-requests.ts';
import { atMostAtOnce, refuseWhileLate } from './overload.ts';
import { networkOf, type RateLimits } from './rate-limits.ts';

export interface GraphQLRouteParts {
  readonly graphql: ApolloServer<Context>;
  readonly messaging: Messaging;
  readonly directory: RememberingDirectory;
  /** How long a request waits for all that it asks the directory, in milliseconds. */
  readonly directoryPatienceMs: number;
  /** Finds a token's person, by asking the directory where need be. */
  readonly viewerOf: (token: string, findBySubject: RememberingDirectory['findBySubject']) => Promise<User>;
  /** Lets a request without a token through to introspection, and no further. */
  readonly anonymousIntrospection: boolean;
  readonly rateLimits: RateLimits;
  /** From where on requests are refused; absent where a process serves one request at a time. */
  readonly overload: OverloadLimits | undefined;
}

/**
 * `/graphql` by the GraphQL over HTTP specification: any operation by POST, queries also by GET, where the reply carries an
 * `ETag` and an unchanged one is 304.
 */
export function graphqlRoute({ graphql, overload, ...parts }: GraphQLRouteParts): FastifyPluginAsync {
  const operations = fastifyApolloHandler(graphql, { context: (request) => contextOf(request, parts) });
  const handler = overload ? atMostAtOnce(overload.atOnce, operations) : operations;

  return async (app) => {
    if (overload) await refuseWhileLate(app, overload);
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

/** The parts that a request needs have this long for all that they are asked together, so that nobody waits for more than 10 s, its turn included. */
const DEADLINE_MS = 7_500;

async function contextOf(
  request: FastifyRequest,
  {
    messaging,
    directory,
    directoryPatienceMs,
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
    patienceMs: directoryPatienceMs,
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
      return createAnonymousContext(() => challenge(missingToken()), { ...parts, spend: refuse });
    }
    const viewer = await authenticate(request.raw, (token) => viewerOf(token, observed.findBySubject));
    return createContext(viewer, { ...parts, spend: (limit, count) => rateLimits.spend(limit, viewer.id, count) });
  } catch (error) {
    if (error instanceof ChallengeError) {
      // Only who is refused is counted: people with a valid token may share an address with somebody who guesses at theirs.
      await refuse().catch((limited) => {
        throw limited instanceof RateLimitedError ? graphQLError(limited) : limited;
      });
      throw challenge(error);
    }
    if (!(error instanceof DomainError)) {
      request.log.error({ err: error }, 'request failed');
      throw maskedError(request.id);
    }
    request.log.warn({ err: error }, 'a part does not answer');
    throw graphQLError(error);
  }
}

function challenge(error: ChallengeError) {
  return graphQLError(error, {
    status: error.status,
    headers: new HeaderMap([['www-authenticate', error.challenge]]),
  });
}
