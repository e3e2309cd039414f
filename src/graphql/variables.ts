import type { GraphQLRequest } from '@apollo/server';
import { ApolloServerErrorCode } from '@apollo/server/errors';
import { GraphQLError, type GraphQLSchema, getVariableValues, type OperationDefinitionNode } from 'graphql';

export type Variables = Readonly<Record<string, unknown>>;

/** The input with the most values has 49 handles, and the longest has a message. */
const MAX_VALUES = 500;
const MAX_WRONG_LENGTH = 16 * 1024;

/** Whether there is an error is enough here. */
const LIMITS = { maxErrors: 1 };

const coerced = new WeakMap<GraphQLRequest, Variables | undefined>();

/**
 * Returns a request's variables as graphql-js coerces them for the operation that would run; undefined if they do not fit. Coerces once for
 * a request, because every check needs them.
 *
 * @throws GraphQLError with `BAD_USER_INPUT` for more than 500 values, and for more than 16 KB that do not fit: graphql-js would write an error
 *   for each value, with all values around it
 */
export function variablesOf(
  schema: GraphQLSchema,
  request: GraphQLRequest,
  { variableDefinitions = [] }: OperationDefinitionNode,
): Variables | undefined {
  if (!coerced.has(request)) {
    const variables = request.variables ?? {};
    if (hasMoreValues(variables, MAX_VALUES)) throw badVariables(`The variables have more than ${MAX_VALUES} values.`);
    const fitting = getVariableValues(schema, variableDefinitions, variables, LIMITS).coerced;
    if (!fitting && JSON.stringify(variables).length > MAX_WRONG_LENGTH)
      throw badVariables('The variables do not fit the operation.');
    coerced.set(request, fitting);
  }
  return coerced.get(request);
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
