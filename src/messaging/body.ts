import { MAX_BODY_CODE_POINTS, type UserError } from '../model.ts';

export type BodyErrorCode = 'BODY_BLANK' | 'BODY_TOO_LONG' | 'BODY_INVALID';

/** Anything that shows: neither space nor control, nor a character that is invisible by itself. */
const VISIBLE = /[^\s\p{Cc}\p{Default_Ignorable_Code_Point}]/u;

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
