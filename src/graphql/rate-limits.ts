import type { ApolloServerPlugin } from '@apollo/server';
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
} from 'graphql';
import { RateLimitedError } from '../errors.ts';
import type { Context } from './context.ts';
import { graphQLError, retryAfterHeader } from './errors.ts';

/**
 * Counts what is asked for against the viewer's limits, mutations and queries apart, before it is executed. A field of the operation counts
 * once, so that asking for many under aliases is no way around. A request that holds no valid operation counts as one read.
 */
export const rateLimits: ApolloServerPlugin<Context> = {
  requestDidStart: async ({ contextValue: { spend } }) => {
    let isCounted = false;
    return {
      didResolveOperation: async ({ document, operation }) => {
        if (!operation) return;
        isCounted = true;
        const limit = operation.operation === OperationTypeNode.MUTATION ? 'sends' : 'reads';
        try {
          await spend(limit, fieldsOf(document, operation));
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

/** What was counted, for as long as the parsed document is kept. */
const counted = new WeakMap<OperationDefinitionNode, number>();

function fieldsOf(document: DocumentNode, operation: OperationDefinitionNode): number {
  const count = counted.get(operation) ?? countFields(document, operation);
  counted.set(operation, count);
  return count;
}

/** The fields of the operation itself, those of its fragments included; 1 at least. */
function countFields({ definitions }: DocumentNode, { selectionSet }: OperationDefinitionNode): number {
  const fragments = new Map(
    definitions
      .filter((each): each is FragmentDefinitionNode => each.kind === Kind.FRAGMENT_DEFINITION)
      .map((each) => [each.name.value, each.selectionSet]),
  );
  // A fragment is gone through once, however often it is used: fragments within fragments can stand for more than could be counted.
  const counts = new Map<string, number>();
  const countOf = ({ selections }: SelectionSetNode): number =>
    selections.reduce((sum, selection) => {
      if (selection.kind === Kind.FIELD) return sum + 1;
      if (selection.kind === Kind.INLINE_FRAGMENT) return sum + countOf(selection.selectionSet);
      const name = selection.name.value;
      const fragment = fragments.get(name);
      const count = counts.get(name) ?? (fragment ? countOf(fragment) : 0);
      counts.set(name, count);
      return sum + count;
    }, 0);
  return Math.min(Math.max(countOf(selectionSet), 1), MOST_FIELDS);
}

/** More than any limit lets through. */
const MOST_FIELDS = 1_000_000;
