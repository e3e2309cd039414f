import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  getArgumentValues,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '../messaging/paging.ts';
import { MAX_MEMBERS } from '../model.ts';
import type { Variables } from './variables.ts';

/** A page counts once for so many entries that it may hold. */
const ENTRIES_PER_READ = 20;

/** A message into a group counts once for so many members, because each member's summary is written: 22 WCU each at most. */
const MEMBERS_PER_SEND = 5;

/** Returns how much a message into a group counts: 1 for each 5 members. */
export function groupSendWeight(memberCount: number): number {
  return Math.ceil(memberCount / MEMBERS_PER_SEND);
}

/** More than any limit lets through. */
const MAX_WEIGHT = 1_000_000;

type Arguments = Readonly<Record<string, unknown>>;

interface Recipients {
  readonly recipientHandles?: readonly string[] | null;
  readonly recipientIds?: readonly string[] | null;
}

/** How much an operation counts against a person's limits in a minute. */
export interface Weights {
  /** At least 1. */
  readonly weight: number;
  /** The number of searches for people. */
  readonly searches: number;
}

/**
 * The fields that do not count once, by what they may cost. A page of 20 of the longest messages is 11 RCU. Starting a group costs at
 * most 22 WCU for each member: the summaries, which hold the message, are written in one transaction.
 */
const WEIGHTS: Readonly<Record<string, (args: Arguments) => number>> = {
  messages: pageWeight,
  messageGroups: pageWeight,
  createMessage: ({ input }) => {
    const { recipientHandles, recipientIds } = (input as { to: Recipients }).to;
    const recipients = recipientHandles ?? recipientIds ?? [];
    return 1 + Math.min(recipients.length, MAX_MEMBERS - 1);
  },
};

function pageWeight({ first, last }: Arguments): number {
  const size = Number(first ?? last ?? DEFAULT_PAGE_SIZE);
  return Math.ceil(Math.min(Math.max(size, 1), MAX_PAGE_SIZE) / ENTRIES_PER_READ);
}

/** The weights of operations without variables, for as long as the parsed document is kept. */
const constant = new WeakMap<OperationDefinitionNode, Weights>();

/**
 * Weighs an operation: 1 for each of its top fields, under any alias and in any fragment, but a page 1 for each 20 entries that it may
 * hold, and a message to recipients 1 for each member of their group. A message to a group by its id counts 1 here; see `groupSendWeight`.
 *
 * @param variables the operation's variables, coerced; undefined if they do not fit
 */
export function weightsOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables | undefined,
): Weights {
  const known = constant.get(operation);
  if (known) return known;
  const type = schema.getRootType(operation.operation);
  // Execution refuses variables that do not fit.
  const weight = type && variables ? sumOf(document, operation, (field) => weightOfField(type, field, variables)) : 1;
  const searches = sumOf(document, operation, ({ name }) => (name.value === 'users' ? 1 : 0));
  const weights = { weight: Math.max(weight, 1), searches };
  if (!operation.variableDefinitions?.length) constant.set(operation, weights);
  return weights;
}

function weightOfField(type: GraphQLObjectType, field: FieldNode, variables: Variables): number {
  const weigh = WEIGHTS[field.name.value];
  const definition = type.getFields()[field.name.value];
  if (!weigh || !definition) return 1;
  try {
    return weigh(getArgumentValues(definition, field, variables));
  } catch {
    // Execution refuses arguments that do not fit, such as null from a variable that may be null.
    return 1;
  }
}

/** Sums up the top fields, those of fragments included. */
function sumOf(
  { definitions }: DocumentNode,
  { selectionSet }: OperationDefinitionNode,
  weigh: (field: FieldNode) => number,
): number {
  const fragments = new Map(
    definitions
      .filter((each): each is FragmentDefinitionNode => each.kind === Kind.FRAGMENT_DEFINITION)
      .map((each) => [each.name.value, each.selectionSet]),
  );
  // Each fragment is summed up once: fragments within fragments can stand for more fields than could be counted.
  const sums = new Map<string, number>();
  const sum = ({ selections }: SelectionSetNode): number =>
    selections.reduce((total, selection) => {
      if (selection.kind === Kind.FIELD) return total + weigh(selection);
      if (selection.kind === Kind.INLINE_FRAGMENT) return total + sum(selection.selectionSet);
      const name = selection.name.value;
      const fragment = fragments.get(name);
      const known = sums.get(name) ?? (fragment ? sum(fragment) : 0);
      sums.set(name, known);
      return total + known;
    }, 0);
  return Math.min(sum(selectionSet), MAX_WEIGHT);
}
