import type { ApolloServerPlugin } from '@apollo/server';
import { OperationTypeNode } from 'graphql';
import { RateLimitedError } from '../errors.ts';
import type { Context } from './context.ts';
import { graphQLError, retryAfterHeader } from './errors.ts';
import { weightsOf } from './operation-weight.ts';
import { variablesOf } from './variables.ts';

/**
 * Counts an operation's weight against the viewer's limits before it is executed, mutations and queries apart. A search for people counts
 * as a read and as a search. A request without a valid operation counts as one read.
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
          const { weight, searches } = weightsOf(schema, document, operation, variablesOf(schema, request, operation));
          await spend(limit, weight);
          if (searches > 0) await spend('searches', searches);
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
