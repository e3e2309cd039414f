import type { ApolloServerPlugin } from '@apollo/server';
import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesRule } from '@escape.tech/graphql-armor-max-directives';
import {
  BREAK,
  type DocumentNode,
  GraphQLError,
  getNamedType,
  getVariableValues,
  isLeafType,
  type OperationDefinitionNode,
  type ValidationContext,
  type ValidationRule,
  visit,
} from 'graphql';
import { type ComplexityEstimator, getComplexity } from 'graphql-query-complexity';
import type { QueryLimits } from '../config/query-limits.ts';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '../messaging/paging.ts';
import { MAX_FOUND } from '../users/search.ts';

/** Limits on the document alone. What goes over one is 400 with `GRAPHQL_VALIDATION_FAILED`, and nothing is executed. */
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
    maxDepthRule({ ...common, n: depth, flattenFragments: true }),
    // Its own list of exceptions has __typename, as which anything could be asked for again and again.
    maxAliasesRule({ ...common, n: aliases, allowList: [] }),
    maxDirectivesRule({ ...common, n: directives }),
  ];
}

/** Fields of the schema that are pages, whose entries count as many times as they are asked for. */
const PAGES = new Set(['Query.messages', 'Query.messageGroups']);

/** The field whose list holds its objects directly: each costs 1 more than its own fields. */
const LIST = 'Query.users';

/**
 * What a field costs: 1 for each object, and for a page the cost of an entry for each that it may hold. So a page of 100 messages with their
 * senders costs 301, one of 10 costs 31, and one of 10 without senders 21.
 */
function costOf(sizeOf: (page: PageSizes) => number): ComplexityEstimator {
  return ({ type, field, args, childComplexity }) => {
    const name = `${type.name}.${field.name}`;
    if (PAGES.has(name)) return 1 + sizeOf(args) * childComplexity;
    if (name === LIST) return 1 + Math.min(sizeOf(args), MAX_FOUND) * (1 + childComplexity);
    return isLeafType(getNamedType(field.type)) ? 0 : 1 + childComplexity;
  };
}

interface PageSizes {
  readonly first?: unknown;
  readonly last?: unknown;
}

/** A page that is too large, or no page at all, is refused with a better reason by the operation itself. */
function pageSize({ first, last }: PageSizes): number {
  const size = Number(first ?? last ?? DEFAULT_PAGE_SIZE);
  return Number.isFinite(size) ? Math.min(Math.max(size, 0), MAX_PAGE_SIZE) : DEFAULT_PAGE_SIZE;
}

/** Limits what an operation may cost, by its document and its variables: 400 with `GRAPHQL_VALIDATION_FAILED`, before anything is executed. */
export function costLimit({ cost: most }: QueryLimits): ApolloServerPlugin {
  // Operations that cost no more whatever their variables are: most of them, and counting takes longer than much of what they ask for.
  const cheap = new WeakSet<OperationDefinitionNode>();
  return {
    requestDidStart: async () => ({
      didResolveOperation: async ({ schema, document, operation, request: { variables = {} }, operationName }) => {
        // Which of several operations is meant was not said, which is refused anyway.
        if (!operation || cheap.has(operation)) return;
        // Nor do variables count that do not fit the operation: they are BAD_USER_INPUT as soon as it is to be executed.
        if (getVariableValues(schema, operation.variableDefinitions ?? [], variables).errors) return;
        const cost = (sizeOf: typeof pageSize) =>
          costOfOperation({
            estimators: [costOf(sizeOf)],
            maxQueryNodes: MAX_NODES,
            schema,
            query: document,
            variables,
            ...(operationName && { operationName }),
          });
        if (!hasDirectives(document) && cost(() => MAX_PAGE_SIZE) <= most) {
          cheap.add(operation);
          return;
        }
        const actual = cost(pageSize);
        if (actual > most) throw refusal(`Cost limit of ${most} exceeded, found ${actual}.`);
      },
    }),
  };
}

/** Directives, @include and @skip, can let variables decide what is asked for. */
function hasDirectives(document: DocumentNode): boolean {
  let found = false;
  visit(document, {
    Directive: () => {
      found = true;
      return BREAK;
    },
  });
  return found;
}

/** Fragments within fragments can stand for more fields than anyone could count: these many are. */
const MAX_NODES = 2_000;

/** What can't be counted is refused like what costs too much. */
function costOfOperation(options: Parameters<typeof getComplexity>[0]): number {
  try {
    return getComplexity(options);
  } catch (error) {
    throw error instanceof GraphQLError ? refusal(error.message) : error;
  }
}

function refusal(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'GRAPHQL_VALIDATION_FAILED', http: { status: 400 } } });
}
