import type { ApolloServerPlugin } from '@apollo/server';
import { ApolloServerErrorCode } from '@apollo/server/errors';
import { type DocumentNode, GraphQLError, type OperationDefinitionNode, separateOperations, visit } from 'graphql';

/**
 * Refuses a request whose variables make the condition of a directive null: 400 with `BAD_USER_INPUT`. A default lets such a variable pass
 * validation. graphql-js 16 finds out in the middle of a list, and may leave a rejected promise behind that nothing handles, which would
 * end the process.
 */
export const directiveConditionsAreGiven: ApolloServerPlugin = {
  requestDidStart: async () => ({
    didResolveOperation: async ({ document, operation, request: { variables } }) => {
      if (!variables || !operation) return;
      const name = conditionsOf(document, operation).find(
        (each) => Object.hasOwn(variables, each) && variables[each] === null,
      );
      if (name === undefined) return;
      throw new GraphQLError(`Variable "$${name}" is the condition of a directive and must not be null.`, {
        extensions: { code: ApolloServerErrorCode.BAD_USER_INPUT, http: { status: 400 } },
      });
    },
  }),
};

/** The conditions of an operation, for as long as its document is kept. */
const known = new WeakMap<OperationDefinitionNode, readonly string[]>();

/** Returns the names of the variables that directives of the operation use, and those of its fragments. */
function conditionsOf(document: DocumentNode, operation: OperationDefinitionNode): readonly string[] {
  const found = known.get(operation);
  if (found) return found;
  const names = new Set<string>();
  const alone = separateOperations(document)[operation.name?.value ?? ''] ?? document;
  visit(alone, {
    Directive: (directive) => {
      visit(directive, { Variable: ({ name }) => void names.add(name.value) });
    },
  });
  known.set(operation, [...names]);
  return [...names];
}
