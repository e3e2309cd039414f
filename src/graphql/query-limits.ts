import type { ApolloServerPlugin } from '@apollo/server';
import { ApolloServerErrorCode } from '@apollo/server/errors';
import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesRule } from '@escape.tech/graphql-armor-max-directives';
import { GraphQLError, type OperationDefinitionNode, type ValidationContext, type ValidationRule } from 'graphql';
import type { QueryLimits } from '../config/query-limits.ts';
import { operationCost } from './operation-cost.ts';
import { selectionsLimit } from './selections-limit.ts';
import { variablesOf } from './variables.ts';

/** Limits on the document alone. A document over a limit is 400 with `GRAPHQL_VALIDATION_FAILED`, and nothing is executed. */
export function documentLimits({ depth, aliases, directives }: QueryLimits): ValidationRule[] {
  const common = {
    // By itself a rule throws, which ends the validation as a fault of ours.
    propagateOnRejection: false,
    onReject: [
      (context: ValidationContext | null, { message }: GraphQLError) =>
        context?.reportError(new GraphQLError(message.replace('Syntax Error: ', ''))),
    ],
  };
  return [
    supportedOperations,
    selectionsLimit,
    maxDepthRule({ ...common, n: depth, flattenFragments: true }),
    // Its own list of exceptions has __typename, as which anything could be asked for again and again.
    maxAliasesRule({ ...common, n: aliases, allowList: [] }),
    maxDirectivesRule({ ...common, n: directives }),
  ];
}

/**
 * Refuses operations of a kind that the schema does not have, such as subscriptions: GraphQL specification, section "Operation Type
 * Existence". Without this rule, graphql-js 16 lets any field name in such an operation pass as valid.
 */
const supportedOperations: ValidationRule = (context) => ({
  OperationDefinition: (node) => {
    if (context.getSchema().getRootType(node.operation)) return;
    context.reportError(new GraphQLError(`The schema has no ${node.operation} operations.`, { nodes: node }));
  },
});

/**
 * Limits the cost of the operation that would run, by its document and its variables: 400 with `GRAPHQL_VALIDATION_FAILED`, before anything
 * is executed.
 */
export function costLimit({ cost: most }: QueryLimits): ApolloServerPlugin {
  // Operations within the limit whatever their variables are. Most operations are, and counting takes longer than executing a short one.
  const cheap = new WeakSet<OperationDefinitionNode>();
  return {
    requestDidStart: async () => ({
      didResolveOperation: async ({ schema, document, operation, request }) => {
        if (!operation || cheap.has(operation)) return;
        const variables = variablesOf(schema, request, operation);
        // With invalid variables nothing is executed: the reply is BAD_USER_INPUT.
        if (!variables) return;
        if (operationCost(schema, document, operation) <= most) {
          cheap.add(operation);
          return;
        }
        const actual = operationCost(schema, document, operation, variables);
        if (actual > most) throw refusal(`Cost limit of ${most} exceeded, found ${actual}.`);
      },
    }),
  };
}

function refusal(message: string): GraphQLError {
  return new GraphQLError(message, {
    extensions: { code: ApolloServerErrorCode.GRAPHQL_VALIDATION_FAILED, http: { status: 400 } },
  });
}
