import { type ApolloServerPlugin, HeaderMap, type HTTPGraphQLHead } from '@apollo/server';
import { unwrapResolverError } from '@apollo/server/errors';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { DomainError, type ErrorCode, RateLimitedError, UnavailableError } from '../errors.ts';
import type { Context } from './context.ts';
import { codeOfRequestError } from './request-errors.ts';

/** What a client is told of an error that is none of its business. */
const MASKED = { message: 'Something went wrong on our side.', code: 'INTERNAL_SERVER_ERROR' } as const;

/** The HTTP status of a reply that has such an error; all other replies that were executed are 200. */
const STATUS: Partial<Record<ErrorCode, number>> = { UNAVAILABLE: 503, RATE_LIMITED: 429 };

/** After how many seconds a part that did not answer may be asked again. */
const UNAVAILABLE = { retryAfterSeconds: 1 };

/** A domain error as GraphQL tells it, with the HTTP response that goes with it where that is not the usual one. */
export function graphQLError(
  error: DomainError,
  http?: { status: number; headers?: HTTPGraphQLHead['headers'] },
): GraphQLError {
  return new GraphQLError(error.message, {
    originalError: error,
    extensions: { code: error.code, http: http ?? usualHttp(error) },
  });
}

function usualHttp(error: DomainError): HTTPGraphQLHead | { status: number } {
  const status = STATUS[error.code] ?? 200;
  if (error instanceof RateLimitedError) return { status, headers: retryAfterHeader(error) };
  return error instanceof UnavailableError ? { status, headers: retryAfterHeader(UNAVAILABLE) } : { status };
}

/** RFC 9110 section 10.2.3, in seconds. */
export function retryAfterHeader({ retryAfterSeconds }: Pick<RateLimitedError, 'retryAfterSeconds'>): HeaderMap {
  return new HeaderMap([['retry-after', String(retryAfterSeconds)]]);
}

/** An error that is none of the client's business, before there is a context to tell the request's id. */
export function maskedError(requestId: string): GraphQLError {
  return new GraphQLError(MASKED.message, { extensions: { code: MASKED.code, requestId } });
}

/** Gives domain errors their code, leaves GraphQL's own errors as they are, and masks all others. */
export function formatError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const original = unwrapResolverError(error);
  if (original instanceof DomainError) {
    return { ...formatted, message: original.message, extensions: { code: original.code } };
  }
  const code = codeOfRequestError(error);
  if (code) return { ...formatted, extensions: { ...formatted.extensions, code } };
  if (!isInternal(error)) return formatted;
  const { locations, path, extensions } = formatted;
  const { requestId } = extensions ?? {};
  return {
    message: MASKED.message,
    ...(locations && { locations }),
    ...(path && { path }),
    extensions: { code: MASKED.code, ...(requestId !== undefined && { requestId }) },
  };
}

/** The same, without what it guesses that the client meant: that tells of the schema, and Apollo hides it in errors of documents alone. */
export function formatErrorWithoutSuggestions(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const told = formatError(formatted, error);
  return { ...told, message: withoutSuggestion(told.message) };
}

/** As GraphQL.js begins what it ends its messages with. What comes before may be a client's value of any length: a pattern would try them all. */
const SUGGESTION = ' Did you mean ';

function withoutSuggestion(message: string): string {
  const start = message.lastIndexOf(SUGGESTION);
  return start >= 0 && message.indexOf('?', start) === message.length - 1 ? message.slice(0, start) : message;
}

/** Apollo gives its own errors, all of them about the request, another code than this. */
function isInternal(error: unknown): boolean {
  if (codeOfRequestError(error)) return false;
  return !(error instanceof GraphQLError) || (error.extensions['code'] ?? MASKED.code) === MASKED.code;
}

/** A request can have an error for each of 2,000 fields; the first ones are logged. */
const MOST_LOGGED_ERRORS = 10;

/** Aliases, which a client chooses, are part of a path. */
const LONGEST_PATH_KEY = 100;

function isLogged(error: GraphQLError): boolean {
  const original = unwrapResolverError(error);
  return original instanceof DomainError ? original.cause !== undefined : isInternal(error);
}

function boundedPath(path: GraphQLError['path']) {
  return path?.map((key) => (typeof key === 'string' ? key.slice(0, LONGEST_PATH_KEY) : key));
}

/** Logs what is masked under the request's id, tells the client that id, and sets the reply's HTTP status and its `Retry-After`. */
export const errorReports: ApolloServerPlugin<Context> = {
  requestDidStart: async () => ({
    didEncounterErrors: async ({ errors, contextValue: { log } }) => {
      for (const error of errors.filter(isLogged).slice(0, MOST_LOGGED_ERRORS)) {
        const err = unwrapResolverError(error);
        const path = boundedPath(error.path);
        if (err instanceof DomainError) log.warn({ err, path }, 'a part does not answer');
        else log.error({ err, path }, 'request failed');
      }
    },
    willSendResponse: async ({ response, contextValue: { requestId } }) => {
      if (response.body.kind !== 'single') return;
      for (const { extensions } of response.body.singleResult.errors ?? []) {
        if (extensions?.['code'] === MASKED.code) extensions['requestId'] = requestId;
        const status = STATUS[extensions?.['code'] as ErrorCode];
        if (status === undefined) continue;
        response.http.status = status;
        if (status === 503) for (const header of retryAfterHeader(UNAVAILABLE)) response.http.headers.set(...header);
      }
    },
  }),
};
