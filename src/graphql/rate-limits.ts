import type { ApolloServerPlugin } from '@apollo/server';
import { OperationTypeNode } from 'graphql';
import { RateLimitedError } from '../errors.ts';
import type { Context } from './context.ts';
import { graphQLError, retryAfterHeader } from './errors.ts';
import { weightOf } from './operation-weight.ts';

/**
 * Counts an operation's weight against the viewer's limits before it is executed, mutations and queries apart. A request without a valid
 * operation counts as one read.
 */
export const rateLimits: ApolloServerPlugin<Context> = {
  requestDidStart: async ({ contextValue: { spend } }) => {
    let isCounted = false;
    return {
      didResolveOperation: async ({ schema, document, operation, request }) => {
        if (!operation) return;
        isCounted = true;
        const limit = operation.operation === OperationTypeNode.MUTATION ? 'sends' : 'reads';
        try {
          await spend(limit, weightOf(schema, document, operation, request.variables));
        } catch (error) {
          throw error instanceof RateLimitedError ? graphQLError(error) : error;
        }
      },
      willSendResponse: async ({ response }) => {
        if (isCounted) return;
        try {
          await spend('reads', 1);
        } catch (error) {
          if (!(error instanceof RateLimitedError)) throw error;
          const { message, code } = error;
          response.http.status = 429;
          for (const [name, value] of retryAfterHeader(error)) response.http.headers.set(name, value);
          response.body = { kind: 'single', singleResult: { errors: [{ message, extensions: { code } }] } };
        }
      },
    };
  },
};
