import { type ApolloServerOptionsWithGateway, type ApolloServerPlugin, HeaderMap } from '@apollo/server';
import {
  type DocumentNode,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLSchema,
  getVariableValues,
  type OperationDefinitionNode,
} from 'graphql';
import { type CompiledQuery, compileQuery, isCompiledQuery } from 'graphql-jit';
import { LRUCache } from 'lru-cache';
import { bytesOfDocument } from './caches.ts';
import type { Context } from './context.ts';

/**
 * As many operations are kept compiled, of clients that are deployed there are some tens, and no more than so many bytes of them: each takes
 * some 20 KB and about as much as its document, which it keeps.
 */
const COMPILED_OPERATIONS = 500;
const COMPILED_BYTES = 16 * 1024 * 1024;
const OPERATION_BYTES = 20 * 1024;

type Gateway = ApolloServerOptionsWithGateway<Context>['gateway'];

/** What Apollo Server takes to execute by compiled code. */
export interface CompiledExecution {
  readonly plugin: ApolloServerPlugin<Context>;
  readonly gateway: Gateway;
}

/**
 * Executes operations by code that is made for each of them, which takes a twentieth of the time that graphql-js takes to walk a page of 20
 * messages. Making it takes some milliseconds, so an operation is compiled when it is asked for the second time: what is asked for once,
 * by hand or in bad faith, costs no more than before.
 *
 * Apollo Server lets a plugin answer in the place of its own execution, and a gateway bring an executor; this one has the schema at hand. What
 * succeeds is answered by the plugin. All else goes through the executor, and so through Apollo's treatment of errors: for each call of an
 * executor Apollo makes an object with accessors, which V8 keeps, and all of the request with it, until its next collection of everything.
 */
export function compiledExecution(schema: GraphQLSchema): CompiledExecution {
  const queryFor = compiler(schema);
  /** What has been executed already, and did not succeed. */
  const failures = new WeakMap<object, Promise<ExecutionResult>>();
  let tell: Parameters<Gateway['onSchemaLoadOrUpdate']>[0] = () => {};

  return {
    plugin: {
      requestDidStart: async () => ({
        responseForOperation: async ({ document, operation, operationName, request, contextValue }) => {
          const query = queryFor(document, operation, operationName);
          if (!query) return null;
          const execution = executeCompiled(schema, query, operation, request.variables, contextValue);
          const { data, errors } = await execution.catch((error: unknown) => ({ data: undefined, errors: [error] }));
          if (data && !errors)
            return { http: { headers: new HeaderMap() }, body: { kind: 'single', singleResult: { data } } };
          failures.set(contextValue, execution);
          return null;
        },
      }),
    },
    gateway: {
      onSchemaLoadOrUpdate: (callback) => {
        tell = callback;
        return () => {};
      },
      load: async () => {
        tell({ apiSchema: schema, coreSupergraphSdl: '' });
        return {
          executor: async ({ document, operationName, request, context }) =>
            failures.get(context) ??
            execute({ schema, document, operationName, variableValues: request.variables, contextValue: context }),
        };
      },
      stop: async () => {},
    },
  };
}

type Compiled = CompiledQuery['query'];

/** Finds the code of operations, and makes it for those that it is asked for the second time; undefined for those that have none. */
function compiler(schema: GraphQLSchema) {
  const seen = new WeakSet<OperationDefinitionNode>();
  const compiled = new LRUCache<OperationDefinitionNode, Compiled | 'not compilable'>({
    max: COMPILED_OPERATIONS,
    maxSize: COMPILED_BYTES,
  });

  return (
    document: DocumentNode,
    operation: OperationDefinitionNode | undefined,
    operationName: string | null,
  ): Compiled | undefined => {
    if (!operation) return undefined;
    if (!seen.has(operation)) {
      seen.add(operation);
      return undefined;
    }
    let query = compiled.get(operation);
    if (!query) {
      const result = compileQuery(schema, document, operationName ?? undefined);
      query = isCompiledQuery(result) ? result.query : 'not compilable';
      compiled.set(operation, query, { size: OPERATION_BYTES + 2 * bytesOfDocument(document) });
    }
    return query === 'not compilable' ? undefined : query;
  };
}

async function executeCompiled(
  schema: GraphQLSchema,
  query: Compiled,
  { variableDefinitions = [] }: OperationDefinitionNode,
  given: Readonly<Record<string, unknown>> = {},
  context: Context,
): Promise<ExecutionResult> {
  // Compiled code knows nothing of @oneOf, nor of a default where null may not be: what variables come to is for graphql-js to say. Compiled
  // code has them checked once more, which changes nothing: all input is made of GraphQL's own scalars.
  const variables = getVariableValues(schema, variableDefinitions, given);
  if (variables.errors) return { errors: variables.errors };
  // It would find what every object inherits, such as `toString`, among variables that were not given.
  const result = await query(undefined, context, { __proto__: null, ...variables.coerced });
  return result.errors ? { ...result, errors: result.errors.map(usualError) } : result;
}

/** Compiled code's errors are made otherwise than those of graphql-js: nothing can be added to them. */
function usualError({ message, path, originalError, extensions, locations }: GraphQLError): GraphQLError {
  const error = new GraphQLError(message, { path, originalError, extensions });
  return Object.defineProperty(error, 'locations', { value: locations, enumerable: true });
}
