import type { ApolloServerPlugin } from '@apollo/server';
import { OperationTypeNode } from 'graphql';
import { RateLimitedError } from '../errors.ts';
import type { Context } from './context.ts';
import { graphQLError } from './errors.ts';
import { weightsOf } from './operation-weight.ts';
import { variablesOf } from './variables.ts';

/**
 * Counts an operation's weight against the viewer's limits before it is executed, mutations and queries apart. A search for people counts
 * as a read and as a search. Each request counts as a request too, before its document is parsed.
 */
export const rateLimits: ApolloServerPlugin<Context> = {
  requestDidStart: async ({ contextValue: { spend } }) => ({
    didResolveOperation: async ({ schema, document, operation, request }) => {
      if (!operation) return;
      const limit = operation.operation === OperationTypeNode.MUTATION ? 'sends' : 'reads';
      try {
        const { weight, searches } = weightsOf(schema, document, operation, variablesOf(schema, request, operation));
        await spend(limit, weight);
        if (searches > 0) await spend('searches', searches);
      } catch (error) {
        throw error instanceof RateLimitedError ? graphQLError(error) : error;
      }
    },
  }),
};

/** Parsing and validating a document takes many times as long as finding one that is kept. */
const NEW_DOCUMENT_COUNTS = 10;

/** Counts a request as ten if its document is not kept from an earlier request. Documents that are not valid are never kept. */
export const newDocuments: ApolloServerPlugin<Context> = {
  requestDidStart: async ({ contextValue: { charge } }) => ({
    parsingDidStart: async () => charge('requests', NEW_DOCUMENT_COUNTS - 1),
  }),
};
