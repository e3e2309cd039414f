import type { GraphQLRequest } from '@apollo/server';
import { type GraphQLSchema, getVariableValues, type OperationDefinitionNode } from 'graphql';

export type Variables = Readonly<Record<string, unknown>>;

const coerced = new WeakMap<GraphQLRequest, Variables | undefined>();

/**
 * Returns a request's variables as graphql-js coerces them for the operation that would run; undefined if they do not fit. Coerces once for
 * a request, because every check needs them.
 */
export function variablesOf(
  schema: GraphQLSchema,
  request: GraphQLRequest,
  { variableDefinitions = [] }: OperationDefinitionNode,
): Variables | undefined {
  if (!coerced.has(request)) {
    coerced.set(request, getVariableValues(schema, variableDefinitions, request.variables ?? {}).coerced);
  }
  return coerced.get(request);
}
