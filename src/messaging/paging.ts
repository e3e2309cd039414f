import { BadUserInputError } from '../errors.ts';

export const DEFAULT_PAGE_SIZE = 20;
export const MAX_PAGE_SIZE = 100;

/** Relay's arguments as GraphQL hands them over; null is the same as absent. */
export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

/** Which page of a list is meant. */
export type PageRequest =
  | { readonly towards: 'older'; readonly limit: number; readonly after: string | undefined }
  | { readonly towards: 'newer'; readonly limit: number; readonly before: string };

/**
 * What page the arguments mean, by the Relay cursor connections specification.
 *
 * @throws BadUserInputError for a size outside 1 to 100, both directions at once, and `last` without
 *   `before`: the oldest messages of all are no page that anyone should start with
 */
export function pageRequest({ first, after, last, before }: PageArguments): PageRequest {
  const older = first != null || after != null;
  const newer = last != null || before != null;
  if (older && newer) {
    throw new BadUserInputError(
      'Use `first` and `after` for a page towards older, or `last` and `before` for one towards newer, but not both.',
    );
  }
  if (!newer) return { towards: 'older', limit: pageSize('first', first), after: after ?? undefined };
  if (before == null) throw new BadUserInputError('`last` needs `before`: the cursor to go on from towards newer.');
  return { towards: 'newer', limit: pageSize('last', last), before };
}

function pageSize(name: string, asked: number | null | undefined): number {
  const size = asked ?? DEFAULT_PAGE_SIZE;
  if (size < 1 || size > MAX_PAGE_SIZE) throw new BadUserInputError(`\`${name}\` must be 1 to ${MAX_PAGE_SIZE}.`);
  return size;
}
