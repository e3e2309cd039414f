import { ApolloServerErrorCode } from '@apollo/server/errors';
import { GraphQLError, Kind } from 'graphql';

/**
 * Returns the code of an error in the request that graphql-js or Apollo Server reports without one: `BAD_USER_INPUT` for a value that does
 * not fit, such as a variable that is null where null is not allowed, and `BAD_REQUEST` for a persisted query. Returns undefined for
 * every other error.
 */
export function codeOfRequestError(error: unknown): ApolloServerErrorCode | undefined {
  if (!(error instanceof GraphQLError) || error.extensions['code']) return undefined;
  const original = error.originalError ?? error;
  if (!(original instanceof GraphQLError) || original.extensions['code']) return undefined;
  if (error.extensions['http']) return ApolloServerErrorCode.BAD_REQUEST;
  // An error without a path is not one of a field: graphql-js reports that the variables do not fit.
  const isOfValue = !error.path || original.nodes?.some(({ kind }) => VALUES.has(kind));
  return isOfValue ? ApolloServerErrorCode.BAD_USER_INPUT : undefined;
}

/** What graphql-js names as the place of an argument's value that does not fit. */
const VALUES = new Set<Kind>([
  Kind.VARIABLE,
  Kind.INT,
  Kind.FLOAT,
  Kind.STRING,
  Kind.BOOLEAN,
  Kind.NULL,
  Kind.ENUM,
  Kind.LIST,
  Kind.OBJECT,
]);
