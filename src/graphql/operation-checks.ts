import type { ApolloServerPlugin } from '@apollo/server';
import { ApolloServerErrorCode } from '@apollo/server/errors';
import { GraphQLError, Kind } from 'graphql';
import Negotiator from 'negotiator';
import type { Context } from './context.ts';

type Plugin = ApolloServerPlugin<Context>;

/**
 * Combines plugins that check an operation before anything of it runs. Apollo Server starts the hooks of all plugins at once; these run one
 * after another, so that a refusal by one keeps the next from counting or reading anything.
 */
export function checksInOrder(...plugins: readonly Plugin[]): Plugin {
  return {
    requestDidStart: async (request) => {
      const listeners = await Promise.all(plugins.map((plugin) => plugin.requestDidStart?.(request)));
      return {
        didResolveOperation: async (resolved) => {
          for (const listener of listeners) await listener?.didResolveOperation?.(resolved);
        },
      };
    },
  };
}

/** Refuses a request whose `operationName` names no operation, or that leaves open which of several operations it means: 400. */
export const operationIsKnown: Plugin = {
  requestDidStart: async () => ({
    didResolveOperation: async ({ operation, document, request: { operationName } }) => {
      if (operation) return;
      const hasOperations = document.definitions.some(({ kind }) => kind === Kind.OPERATION_DEFINITION);
      throw refusal(400, ApolloServerErrorCode.OPERATION_RESOLUTION_FAILURE, messageFor(operationName, hasOperations));
    },
  }),
};

/** The sentences that graphql-js has for it. */
function messageFor(operationName: string | undefined | null, hasOperations: boolean): string {
  if (operationName != null) return `Unknown operation named "${operationName}".`;
  return hasOperations
    ? 'Must provide operation name if query contains multiple operations.'
    : 'Must provide an operation.';
}

/** The types of replies that Apollo Server has for one result. */
const REPLY_TYPES = ['application/json; charset=utf-8', 'application/graphql-response+json; charset=utf-8'];

/** Refuses a request that accepts no reply that there is: 406. By itself Apollo Server executes the operation first. */
export const replyIsAcceptable: Plugin = {
  requestDidStart: async () => ({
    didResolveOperation: async ({ request: { http } }) => {
      const accept = http?.headers.get('accept');
      if (!accept || new Negotiator({ headers: { accept } }).mediaType(REPLY_TYPES)) return;
      throw refusal(
        406,
        ApolloServerErrorCode.BAD_REQUEST,
        'The header Accept has to let in application/json or application/graphql-response+json.',
      );
    },
  }),
};

function refusal(status: number, code: string, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code, http: { status } } });
}
