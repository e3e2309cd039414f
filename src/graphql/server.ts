import { ApolloServer, type ApolloServerOptions } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import type { QueryLimits } from '../config/query-limits.ts';
import { documentStore, persistedQueryCache } from './caches.ts';
import { compiledQueries } from './compiled-queries.ts';
import type { Context } from './context.ts';
import { directiveConditionsAreGiven } from './directive-conditions.ts';
import { errorReports, formatError, formatErrorWithoutSuggestions } from './errors.ts';
import { anonymousIntrospectionOnly } from './introspection.ts';
import { loadOnce } from './load-once.ts';
import { checksInOrder, operationIsKnown, replyIsAcceptable } from './operation-checks.ts';
import { operationReports } from './operation-reports.ts';
import { persistedQueryHashes } from './persisted-queries.ts';
import { costLimit, documentLimits } from './query-limits.ts';
import { newDocuments, rateLimits } from './rate-limits.ts';
import { replyText } from './reply-size.ts';
import { sandbox } from './sandbox.ts';
import { createSchema } from './schema.ts';

export interface GraphQLServerOptions {
  /** Opens introspection, suggestions in error messages, and Apollo Sandbox. */
  readonly local: boolean;
  /** What Sandbox is signed in with. */
  readonly sandboxToken: string | undefined;
  readonly queryLimits: QueryLimits;
  readonly log: ServerLog;
}

/** The log that Apollo Server reports its own failures to. */
type ServerLog = NonNullable<ApolloServerOptions<Context>['logger']>;

/** Apollo Server puts the message of any error into its line, in characters. */
const LONGEST_LINE = 1_000;
/**
 * A browser sends these headers across origins only after a preflight: Apollo's defaults, and Authorization, as urql and graphql-request
 * send it by GET. A browser adds HTTP Basic credentials by itself, but only a bearer token is accepted.
 */
const PREFLIGHTED_HEADERS = ['x-apollo-operation-name', 'apollo-require-preflight', 'authorization'];

/** Apollo Server over the schema; to be started, and stopped, by whoever serves it. */
export function createGraphQLServer({
  local,
  sandboxToken,
  queryLimits,
  log,
}: GraphQLServerOptions): ApolloServer<Context> {
  const schema = loadOnce(createSchema());
  return new ApolloServer<Context>({
    schema,
    logger: boundedLines(log),
    introspection: local,
    hideSchemaDetailsFromClientErrors: !local,
    csrfPrevention: { requestHeaders: PREFLIGHTED_HEADERS },
    parseOptions: { maxTokens: queryLimits.tokens },
    documentStore: documentStore(),
    persistedQueries: { cache: persistedQueryCache() },
    validationRules: documentLimits(queryLimits),
    includeStacktraceInErrorResponses: false,
    stringifyResult: replyText,
    formatError: local ? formatError : formatErrorWithoutSuggestions,
    stopOnTerminationSignals: false,
    plugins: [
      persistedQueryHashes,
      newDocuments,
      checksInOrder(
        anonymousIntrospectionOnly,
        operationIsKnown,
        replyIsAcceptable,
        directiveConditionsAreGiven,
        costLimit(queryLimits),
        rateLimits,
      ),
      compiledQueries(schema),
      errorReports,
      operationReports,
      // Replies say themselves how they may be cached; see the HTTP route.
      ApolloServerPluginCacheControlDisabled(),
      local ? sandbox(sandboxToken) : ApolloServerPluginLandingPageDisabled(),
    ],
  });
}

function boundedLines(log: ServerLog): ServerLog {
  const bounded = (message?: unknown) => String(message).slice(0, LONGEST_LINE);
  return {
    debug: (message) => log.debug(bounded(message)),
    info: (message) => log.info(bounded(message)),
    warn: (message) => log.warn(bounded(message)),
    error: (message) => log.error(bounded(message)),
  };
}
