import type { ApolloServerPlugin } from '@apollo/server';
import {
  type DocumentNode,
  type FieldNode,
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
 * once, so that asking for many under aliases is no way around. A search for people counts as a read and as a search. A request that holds
 * no valid operation counts as one read.
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
          const { fields, searches } = countsOf(document, operation);
          await spend(limit, fields);
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

interface Counts {
  /** At least 1. */
  readonly fields: number;
  /** How many of them search for people. */
  readonly searches: number;
}

/** What was counted, for as long as the parsed document is kept. */
const counted = new WeakMap<OperationDefinitionNode, Counts>();

function countsOf(document: DocumentNode, operation: OperationDefinitionNode): Counts {
  const counts = counted.get(operation) ?? {
    fields: Math.max(
      countFields(document, operation, () => true),
      1,
    ),
    searches: countFields(document, operation, ({ name }) => name.value === 'users'),
  };
  counted.set(operation, counts);
  return counts;
}

/** Counts such fields of the operation itself, those of its fragments included. */
function countFields(
  { definitions }: DocumentNode,
  { selectionSet }: OperationDefinitionNode,
  isCounted: (field: FieldNode) => boolean,
): number {
  const fragments = new Map(
    definitions
      .filter((each): each is FragmentDefinitionNode => each.kind === Kind.FRAGMENT_DEFINITION)
      .map((each) => [each.name.value, each.selectionSet]),
  );
  // A fragment is gone through once, however often it is used: fragments within fragments can stand for more than could be counted.
  const counts = new Map<string, number>();
  const countOf = ({ selections }: SelectionSetNode): number =>
    selections.reduce((sum, selection) => {
      if (selection.kind === Kind.FIELD) return isCounted(selection) ? sum + 1 : sum;
      if (selection.kind === Kind.INLINE_FRAGMENT) return sum + countOf(selection.selectionSet);
      const name = selection.name.value;
      const fragment = fragments.get(name);
      const count = counts.get(name) ?? (fragment ? countOf(fragment) : 0);
      counts.set(name, count);
      return sum + count;
    }, 0);
  return Math.min(countOf(selectionSet), MOST_FIELDS);
}

/** More than any limit lets through. */
const MOST_FIELDS = 1_000_000;
