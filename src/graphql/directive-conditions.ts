import type { ApolloServerPlugin } from '@apollo/server';
import { ApolloServerErrorCode } from '@apollo/server/errors';
import { type DocumentNode, GraphQLError, visit } from 'graphql';

/**
 * Refuses a request whose variables make the condition of a directive null: 400 with `BAD_USER_INPUT`. A default lets such a variable pass
 * validation. graphql-js 16 finds out in the middle of a list, and may leave a rejected promise behind that nothing handles, which would
 * end the process.
 */
export const directiveConditionsAreGiven: ApolloServerPlugin = {
  requestDidStart: async () => ({
    didResolveOperation: async ({ document, request: { variables } }) => {
      if (!variables) return;
      const name = conditionsOf(document).find((each) => Object.hasOwn(variables, each) && variables[each] === null);
      if (name === undefined) return;
      throw new GraphQLError(`Variable "$${name}" is the condition of a directive and must not be null.`, {
        extensions: { code: ApolloServerErrorCode.BAD_USER_INPUT, http: { status: 400 } },
      });
    },
  }),
};

/** The conditions of a document, for as long as the document is kept. */
const known = new WeakMap<DocumentNode, readonly string[]>();

/** Returns the names of the variables that directives use. */
function conditionsOf(document: DocumentNode): readonly string[] {
  const found = known.get(document);
  if (found) return found;
  const names = new Set<string>();
  visit(document, {
    Directive: (directive) => {
      visit(directive, { Variable: ({ name }) => void names.add(name.value) });
    },
  });
  known.set(document, [...names]);
  return [...names];
}
