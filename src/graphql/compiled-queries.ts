import { type ApolloServerPlugin, HeaderMap } from '@apollo/server';
import {
  BREAK,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  type OperationDefinitionNode,
  OperationTypeNode,
  visit,
} from 'graphql';
import { type CompiledQuery, compileQuery, isCompiledQuery } from 'graphql-jit';
import { LRUCache } from 'lru-cache';
import { bytesOfDocument } from './caches.ts';
import type { Context } from './context.ts';
import { type Variables, variablesOf } from './variables.ts';

/**
 * Bounds of the cache of compiled queries: their number and their estimated size. Deployed clients have some tens of queries. Each takes
 * about 20 KB and twice the size of its document.
 */
const COMPILED_QUERIES = 500;
const COMPILED_BYTES = 16 * 1024 * 1024;
const QUERY_BYTES = 20 * 1024;

/** Compiling takes a tenth of the time at most, since a client can send new queries again and again. A second of it is saved up. */
const COMPILING_SHARE = 0.1;
const COMPILING_BURST_MS = 1_000;

type Compiled = CompiledQuery['query'];

/**
 * Answers repeated queries by code that graphql-jit compiles for them, because graphql-js takes 20 times as long for a page of 20 messages.
 * Compiling takes some milliseconds, so a query is compiled at its second request.
 *
 * Only data without errors is answered. In every other case Apollo Server executes the operation; `loadOnce` keeps it from loading twice.
 */
export function compiledQueries(schema: GraphQLSchema): ApolloServerPlugin<Context> {
  const compiledFor = createCompiler(schema);
  const seen = new WeakSet<OperationDefinitionNode>();
  const isFirst = (operation: OperationDefinitionNode) => !seen.has(operation) && seen.add(operation);
  return {
    requestDidStart: async () => ({
      responseForOperation: async ({ document, operation, request, contextValue }) => {
        if (operation?.operation !== OperationTypeNode.QUERY || isFirst(operation)) return null;
        // Coerced by graphql-js, because compiled code does not know `@oneOf`.
        const variables = variablesOf(schema, request, operation);
        const query = variables && !hasNullForDefault(operation, variables) && compiledFor(document, operation);
        if (!query) return null;
        const { data, errors } = await run(query, contextValue, variables);
        if (!data || errors) return null;
        return { http: { headers: new HeaderMap() }, body: { kind: 'single', singleResult: { data } } };
      },
    }),
  };
}

/** Returns a function that gives the compiled code of a query, or undefined for a query that graphql-js must execute. */
function createCompiler(schema: GraphQLSchema) {
  const cache = new LRUCache<OperationDefinitionNode, Compiled | 'not compilable'>({
    max: COMPILED_QUERIES,
    maxSize: COMPILED_BYTES,
  });
  const budget = new TimeBudget(COMPILING_SHARE, COMPILING_BURST_MS);
  return (document: DocumentNode, operation: OperationDefinitionNode): Compiled | undefined => {
    let query = cache.get(operation);
    if (!query) {
      if (!budget.hasTime()) return undefined;
      query = budget.spend(() => compile(schema, document, operation)) ?? 'not compilable';
      cache.set(operation, query, { size: QUERY_BYTES + 2 * bytesOfDocument(document) });
    }
    return query === 'not compilable' ? undefined : query;
  };
}

/** A share of the time, of which some is saved up. */
class TimeBudget {
  readonly #share: number;
  readonly #burstMs: number;
  #leftMs: number;
  #at = performance.now();

  constructor(share: number, burstMs: number) {
    this.#share = share;
    this.#burstMs = burstMs;
    this.#leftMs = burstMs;
  }

  hasTime(): boolean {
    const now = performance.now();
    this.#leftMs = Math.min(this.#burstMs, this.#leftMs + (now - this.#at) * this.#share);
    this.#at = now;
    return this.#leftMs > 0;
  }

  spend<Result>(work: () => Result): Result {
    const start = performance.now();
    try {
      return work();
    } finally {
      this.#leftMs -= performance.now() - start;
    }
  }
}

function compile(schema: GraphQLSchema, document: DocumentNode, { name }: OperationDefinitionNode) {
  if (!isPlain(document)) return undefined;
  const result = compileQuery(schema, document, name?.value);
  return isCompiledQuery(result) ? result.query : undefined;
}

/**
 * Tells whether compiled code gives what graphql-js gives. It does not where directives decide what fields are selected, or where a name
 * is one that every JavaScript object inherits, such as `toString`.
 */
function isPlain(document: DocumentNode): boolean {
  let isPlain = true;
  const refuse = () => {
    isPlain = false;
    return BREAK;
  };
  visit(document, { Directive: refuse, Name: ({ value }) => (value in Object.prototype ? refuse() : undefined) });
  return isPlain;
}

/**
 * Tells whether a variable with a default is null. It may stand where null is not allowed, which graphql-js finds out and compiled code does
 * not.
 */
function hasNullForDefault({ variableDefinitions = [] }: OperationDefinitionNode, variables: Variables): boolean {
  return variableDefinitions.some(
    ({ defaultValue, variable }) => defaultValue && variables[variable.name.value] === null,
  );
}

async function run(query: Compiled, context: Context, variables: Variables): Promise<ExecutionResult> {
  try {
    // Without a prototype, because compiled code would find inherited names among variables that were not given.
    return await query(undefined, context, { __proto__: null, ...variables });
  } catch {
    // Apollo Server executes the operation next and reports the error.
    return {};
  }
}
