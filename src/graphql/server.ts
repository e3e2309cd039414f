import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import type { QueryLimits } from '../config/query-limits.ts';
import { documentStore, persistedQueryCache } from './caches.ts';
import { compiledExecution } from './compiled-executor.ts';
import type { Context } from './context.ts';
import { errorReports, formatError, formatErrorWithoutSuggestions } from './errors.ts';
import { anonymousIntrospectionOnly } from './introspection.ts';
import { operationReports } from './operation-reports.ts';
import { costLimit, documentLimits } from './query-limits.ts';
import { rateLimits } from './rate-limits.ts';
import { sandbox } from './sandbox.ts';
import { createSchema } from './schema.ts';

export interface GraphQLServerOptions {
  /** Opens introspection, suggestions in error messages, and Apollo Sandbox. */
  readonly local: boolean;
  /** What Sandbox is signed in with. */
  readonly sandboxToken: string | undefined;
  readonly queryLimits: QueryLimits;
}

/**
 * A browser sends these headers across origins only after a preflight: Apollo's defaults, and Authorization, as urql and graphql-request
 * send it by GET. A browser adds HTTP Basic credentials by itself, but only a bearer token is accepted.
 */
const PREFLIGHTED_HEADERS = ['x-apollo-operation-name', 'apollo-require-preflight', 'authorization'];

/** Apollo Server over the schema; to be started, and stopped, by whoever serves it. */
export function createGraphQLServer({ local, sandboxToken, queryLimits }: GraphQLServerOptions): ApolloServer<Context> {
  const compiled = compiledExecution(createSchema());
  return new ApolloServer<Context>({
    gateway: compiled.gateway,
    introspection: local,
    hideSchemaDetailsFromClientErrors: !local,
    csrfPrevention: { requestHeaders: PREFLIGHTED_HEADERS },
    parseOptions: { maxTokens: queryLimits.tokens },
    documentStore: documentStore(),
    persistedQueries: { cache: persistedQueryCache() },
    validationRules: documentLimits(queryLimits),
    includeStacktraceInErrorResponses: false,
    formatError: local ? formatError : formatErrorWithoutSuggestions,
    stopOnTerminationSignals: false,
    plugins: [
      compiled.plugin,
      anonymousIntrospectionOnly,
      costLimit(queryLimits),
      rateLimits,
      errorReports,
      operationReports,
      // Replies say themselves how they may be cached; see the HTTP route.
      ApolloServerPluginCacheControlDisabled(),
      local ? sandbox(sandboxToken) : ApolloServerPluginLandingPageDisabled(),
    ],
  });
}
