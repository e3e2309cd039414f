import { BadUserInputError } from '../errors.ts';
import { foldHandle, isHandle } from '../model.ts';

/** The bounds of a search: its length in characters, and the number of people that it returns. */
const LEAST_LENGTH = 2;
const MOST_LENGTH = 100;
const DEFAULT_COUNT = 10;
export const MAX_FOUND = 20;

/** What to search the directory for. */
export interface PeopleSearch {
  /** In lower case, the handle or the beginning of it; null if no handle begins so. */
  readonly handle: string | null;
  /** A query of words, as to_tsquery takes it; null if there is no word. */
  readonly words: string | null;
  /** The person to leave out. */
  readonly exceptId: string;
  /** How many people to return, 1 to 20. */
  readonly limit: number;
}

/** As the index of display names separates words. */
const PUNCTUATION = /[\s!-/:-@[-`{-~]+/;

/**
 * Reads the arguments of a search for people.
 *
 * @throws BadUserInputError for a text of less than 2 or more than 100 characters, and for a count outside 1 to 20
 */
export function peopleSearch(text: string, first: number | null | undefined, exceptId: string): PeopleSearch {
  const limit = first ?? DEFAULT_COUNT;
  if (limit < 1 || limit > MAX_FOUND) throw new BadUserInputError(`\`first\` must be 1 to ${MAX_FOUND}.`);
  const sought = text.trim().replace(/^@/, '');
  if (sought.length < LEAST_LENGTH || sought.length > MOST_LENGTH) {
    throw new BadUserInputError(`\`search\` must have ${LEAST_LENGTH} to ${MOST_LENGTH} characters.`);
  }
  // Postgres has neither NUL nor half of a surrogate pair in text, and no name has them.
  const isText = sought.isWellFormed() && !sought.includes('\0');
  const words = isText ? foldHandle(sought).split(PUNCTUATION).filter(Boolean) : [];
  return {
    handle: isHandle(sought) ? foldHandle(sought) : null,
    // The words follow one another, and the last one may go on.
    words: words.length > 0 ? `${words.map((word) => `'${word}'`).join(' <-> ')}:*` : null,
    exceptId,
    limit,
  };
}

/** In the order of the alphabet, "{" comes right after "z", the last character of handles. */
const AFTER_HANDLES = '{';

/**
 * Finds people by $1, the beginning of a handle, and $2, a query of words of display names; without the person $3, and at most $4 by each.
 * Handles come first, and the exact one is the first of them in the alphabet. A person can be found twice.
 */
export const SEARCH_PEOPLE = `
  (SELECT id, handle, display_name, 1 AS rank, lower(handle COLLATE "C") AS folded FROM users
   WHERE lower(handle COLLATE "C") >= $1 AND lower(handle COLLATE "C") < $1 || '${AFTER_HANDLES}' AND id <> $3::uuid
   ORDER BY lower(handle COLLATE "C") LIMIT $4)
  UNION ALL
  (SELECT id, handle, display_name, 2 AS rank, lower(handle COLLATE "C") AS folded FROM users
   WHERE to_tsvector('simple', translate(lower(display_name COLLATE "C"), '!"#$%&''()*+,-./:;<=>?@[\\]^_\`{|}~', repeat(' ', 32)))
     @@ to_tsquery('simple', $2) AND id <> $3::uuid
   ORDER BY lower(handle COLLATE "C") LIMIT $4)
  ORDER BY rank, folded`;
