import type { ApolloServerPlugin } from '@apollo/server';
import { Kind, type OperationDefinitionNode } from 'graphql';
import type { Context } from './context.ts';

/** Lets an anonymous request ask for nothing but the schema. Everything else ends in the refusal of its viewer. */
export const anonymousIntrospectionOnly: ApolloServerPlugin<Context> = {
  requestDidStart: async () => ({
    didResolveOperation: async ({ operation, contextValue }) => {
      if (contextValue.isAnonymous && !isIntrospection(operation)) void contextValue.viewer;
    },
  }),
};

function isIntrospection(operation: OperationDefinitionNode | undefined): boolean {
  return !!operation?.selectionSet.selections.every(
    (selection) => selection.kind === Kind.FIELD && selection.name.value.startsWith('__'),
  );
}
