import {
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type SelectionSetNode,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';

/**
 * The most selections (fields and fragments) of an operation, counted each time that a fragment is used. A few hundred tokens of fragments
 * within fragments could otherwise stand for 2^30 fields, which compiling would spell out.
 */
export const MOST_SELECTIONS = 2_000;

/** Refuses operations with more selections than `MOST_SELECTIONS`. */
export const selectionsLimit: ValidationRule = (context) => {
  const counts = new Map<string, number>();
  return {
    OperationDefinition: (node) => {
      if (countSelections(context, node.selectionSet, counts) <= MOST_SELECTIONS) return;
      context.reportError(
        new GraphQLError(
          `The operation has more than ${MOST_SELECTIONS} selections, counting each use of a fragment.`,
          {
            nodes: node,
          },
        ),
      );
    },
  };
};

/** @param counts the selections of each fragment, so that each is counted once */
function countSelections(
  context: ValidationContext,
  { selections }: SelectionSetNode,
  counts: Map<string, number>,
): number {
  let count = 0;
  for (const selection of selections) {
    count += 1;
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      const fragment = context.getFragment(selection.name.value);
      if (fragment) count += countFragment(context, fragment, counts);
    } else if (selection.selectionSet) count += countSelections(context, selection.selectionSet, counts);
  }
  return count;
}

function countFragment(
  context: ValidationContext,
  { name, selectionSet }: FragmentDefinitionNode,
  counts: Map<string, number>,
): number {
  const known = counts.get(name.value);
  if (known !== undefined) return known;
  // A fragment within itself is refused by another rule; here it ends the recursion.
  counts.set(name.value, 0);
  const count = countSelections(context, selectionSet, counts);
  counts.set(name.value, count);
  return count;
}
