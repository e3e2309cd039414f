import type { ApolloServerPlugin } from '@apollo/server';
import { Kind, type OperationDefinitionNode } from 'graphql';
import type { Context } from './context.ts';

/** Notes what was asked for, and how it ended, for the report of the request. */
export const operationReports: ApolloServerPlugin<Context> = {
  requestDidStart: async ({ contextValue: { onOperation } }) => {
    let operation = 'invalid';
    let operationName: string | undefined;
    return {
      didResolveOperation: async (resolved) => {
        operation = resolved.operation ? fieldOf(resolved.operation) : operation;
        operationName = resolved.operationName ?? undefined;
      },
      willSendResponse: async ({ response: { body } }) => {
        const errors = body.kind === 'single' ? body.singleResult.errors : undefined;
        const code = errors?.length ? String(errors[0]?.extensions?.['code']) : 'OK';
        onOperation({ operation, code, ...(operationName && { operationName: operationName.slice(0, LONGEST_NAME) }) });
      },
    };
  },
};

/** A client may call its operation anything. */
const LONGEST_NAME = 100;

/** The one field of the schema that is asked for; `several` for more, or where fragments leave it open. */
function fieldOf({ selectionSet }: OperationDefinitionNode): string {
  const fields = new Set(
    selectionSet.selections.map((selection) => (selection.kind === Kind.FIELD ? selection.name.value : 'several')),
  );
  fields.delete('__typename');
  const [field = '__typename', ...more] = fields;
  return more.length === 0 ? field : 'several';
}
