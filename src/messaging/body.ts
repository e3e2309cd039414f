import { MAX_BODY_CODE_POINTS, type UserError } from '../model.ts';

export type BodyErrorCode = 'BODY_BLANK' | 'BODY_TOO_LONG' | 'BODY_INVALID';

/**
 * Matches a character that shows something: no space, control or format character, and no blank glyph. Those are the Braille blank, the
 * Egyptian blanks, the Khitan filler and the null notehead. Some format characters do show: the Arabic, Syriac and Kaithi signs for numbers,
 * verses and abbreviations. Unassigned characters show a box, or an emoji that is newer than this version of Unicode.
 */
const VISIBLE =
  /[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}]|[^\s\p{Cc}\p{Cf}\p{Z}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2800\u{13441}\u{13442}\u{16fe4}\u{1d159}]/u;

/** The text without white space at its ends, as it is stored. */
export function normalizeBody(body: string): string {
  return body.trim();
}

/** What is wrong with a normalized body. */
export function bodyErrors(body: string): UserError<BodyErrorCode>[] {
  const path = ['input', 'body'];
  if (!body.isWellFormed()) {
    return [{ code: 'BODY_INVALID', message: 'The message is not valid Unicode.', path }];
  }
  if (!VISIBLE.test(body)) return [{ code: 'BODY_BLANK', message: 'Write something to send.', path }];
  const length = codePoints(body);
  if (length > MAX_BODY_CODE_POINTS) {
    const message = `The message has ${length} characters, ${MAX_BODY_CODE_POINTS} are allowed.`;
    return [{ code: 'BODY_TOO_LONG', message, path }];
  }
  return [];
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
