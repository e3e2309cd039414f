import type { ApolloServerPlugin } from '@apollo/server';
import { ApolloServerErrorCode } from '@apollo/server/errors';
import { type GraphQLFormattedError, type GraphQLSchema, Kind, type OperationDefinitionNode } from 'graphql';
import type { Context } from './context.ts';

/** Notes what was asked for, and how it ended, for the report of the request. */
export const operationReports: ApolloServerPlugin<Context> = {
  requestDidStart: async ({ contextValue: { onOperation } }) => {
    let operation = 'invalid';
    let operationName: string | undefined;
    return {
      didResolveOperation: async (resolved) => {
        if (resolved.operation) operation = fieldOf(resolved.schema, resolved.operation);
        operationName = resolved.operationName ?? undefined;
      },
      willSendResponse: async ({ response: { body } }) => {
        const errors = body.kind === 'single' ? body.singleResult.errors : undefined;
        const code = errors?.length ? codeOf(errors[0]) : 'OK';
        onOperation({ operation, code, ...(operationName && { operationName: operationName.slice(0, LONGEST_NAME) }) });
      },
    };
  },
};

/** A client may call its operation anything. */
const LONGEST_NAME = 100;

const META_FIELDS = new Set(['__typename', '__schema', '__type']);

/**
 * Returns the one field of the schema that is asked for. Returns `several` for more, or where fragments leave it open, and `invalid` for a
 * name that is not the schema's: it becomes a label of metrics, of which there may be only so many.
 */
function fieldOf(schema: GraphQLSchema, { operation, selectionSet }: OperationDefinitionNode): string {
  const fields = new Set(
    selectionSet.selections.map((selection) => (selection.kind === Kind.FIELD ? selection.name.value : 'several')),
  );
  fields.delete('__typename');
  const [field = '__typename', ...more] = fields;
  if (more.length > 0 || field === 'several') return 'several';
  const known = schema.getRootType(operation)?.getFields() ?? {};
  return META_FIELDS.has(field) || Object.hasOwn(known, field) ? field : 'invalid';
}

const CODES = new Set<string>([
  ...Object.values(ApolloServerErrorCode),
  ...['UNAUTHENTICATED', 'NOT_FOUND', 'RATE_LIMITED', 'UNAVAILABLE', 'PEOPLE_SEARCH_OFF'],
]);

/** Returns the error's code, or `INTERNAL_SERVER_ERROR` for a code that is not known. */
function codeOf(error: GraphQLFormattedError | undefined): string {
  const code = String(error?.extensions?.['code']);
  return CODES.has(code) ? code : ApolloServerErrorCode.INTERNAL_SERVER_ERROR;
}
