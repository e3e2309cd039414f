import * as z from 'zod';
import { integer } from './variables.ts';

/** How much a document may ask for. Each limit is the most that is let through. */
export interface QueryLimits {
  /** Fields within fields. The schema's own deepest is 6. */
  readonly depth: number;
  readonly aliases: number;
  readonly directives: number;
  /** Words, numbers and signs of the document's text, as GraphQL's specification has them. */
  readonly tokens: number;
  /** Uses of one name, because validation compares fields of one name with each other. */
  readonly repetitions: number;
  /** See `operationCost` in graphql/operation-cost.ts. */
  readonly cost: number;
}

/** Variables that limit documents. The defaults let through several times what any user interface asks for at once. */
export const queryLimitVariables = {
  GRAPHQL_MAX_DEPTH: integer(1, 100).default(10),
  GRAPHQL_MAX_ALIASES: integer(0, 1_000).default(15),
  GRAPHQL_MAX_DIRECTIVES: integer(0, 1_000).default(15),
  GRAPHQL_MAX_TOKENS: integer(10, 100_000).default(1_000),
  GRAPHQL_MAX_REPETITIONS: integer(10, 100_000).default(50),
  GRAPHQL_MAX_COST: integer(1, 999_999).default(2_000),
};

const shape = z.object(queryLimitVariables);

export function queryLimits(given: z.infer<typeof shape>): QueryLimits {
  return {
    depth: given.GRAPHQL_MAX_DEPTH,
    aliases: given.GRAPHQL_MAX_ALIASES,
    directives: given.GRAPHQL_MAX_DIRECTIVES,
    tokens: given.GRAPHQL_MAX_TOKENS,
    repetitions: given.GRAPHQL_MAX_REPETITIONS,
    cost: given.GRAPHQL_MAX_COST,
  };
}

export const DEFAULT_QUERY_LIMITS: QueryLimits = queryLimits(shape.parse({}));
