import type { GraphQLRequest } from '@apollo/server';
import { ApolloServerErrorCode } from '@apollo/server/errors';
import { GraphQLError, type GraphQLSchema, getVariableValues, type OperationDefinitionNode } from 'graphql';

export type Variables = Readonly<Record<string, unknown>>;

/** An operation of 16 fields (the limit of aliases) with 49 handles each has 800 values. */
const MAX_VALUES = 1_000;

/** Longer variables that do not fit are answered with one error, and that one is cut to so many characters. */
const MAX_WRONG_LENGTH = 1_000;
const MAX_ERROR_LENGTH = 300;

const FIRST_ERROR = { maxErrors: 1 };

const coerced = new WeakMap<GraphQLRequest, Variables | undefined>();

/**
 * Returns a request's variables as graphql-js coerces them for the operation that would run; undefined if they do not fit. Coerces once for
 * a request, because every check needs them.
 *
 * @throws GraphQLError with `BAD_USER_INPUT` for more than 1,000 values, and for more than 1,000 characters that do not fit. graphql-js would write
 *   up to 50 errors, each with all values around the one that is wrong
 */
export function variablesOf(
  schema: GraphQLSchema,
  request: GraphQLRequest,
  { variableDefinitions = [] }: OperationDefinitionNode,
): Variables | undefined {
  if (!coerced.has(request)) {
    const variables = request.variables ?? {};
    if (hasMoreValues(variables, MAX_VALUES)) throw badVariables(`The variables have more than ${MAX_VALUES} values.`);
    const { coerced: fitting, errors } = getVariableValues(schema, variableDefinitions, variables, FIRST_ERROR);
    if (!fitting && JSON.stringify(variables).length > MAX_WRONG_LENGTH) throw badVariables(describe(errors?.[0]));
    coerced.set(request, fitting);
  }
  return coerced.get(request);
}

/** Describes an error without the values around it, which come first in its message. */
function describe(error: GraphQLError | undefined): string {
  const { message = 'They are wrong.' } = error?.originalError ?? {};
  return `The variables do not fit the operation. ${message.slice(0, MAX_ERROR_LENGTH)}`;
}

function badVariables(message: string): GraphQLError {
  return new GraphQLError(message, {
    extensions: { code: ApolloServerErrorCode.BAD_USER_INPUT, http: { status: 400 } },
  });
}

/** Tells whether a JSON value has more values in it than this, also nested ones. */
function hasMoreValues(value: unknown, most: number): boolean {
  const left: unknown[] = [value];
  for (let count = 0; left.length > 0; count += 1) {
    if (count + left.length > most + 1) return true;
    const next = left.pop();
    if (typeof next === 'object' && next !== null) left.push(...Object.values(next).slice(0, most + 1));
  }
  return false;
}
