import { hash } from 'node:crypto';
import { BadUserInputError } from '../errors.ts';

/**
 * A cursor is a position in a list, opaque to clients: a check of 8 bytes over the list's name and the
 * position, and then the position, in base64url. The check binds the cursor to its list and catches
 * damage. It is no secret and protects nothing: who may read is decided apart from it.
 */

const CHECK_BYTES = 8;

/** The list of a group's messages; positions in it are sequences. */
export function messagesList(messageGroupId: string): string {
  return `messages:${messageGroupId}`;
}

/** The list of a person's message groups; positions in it are activity keys. */
export function messageGroupsList(userId: string): string {
  return `messageGroups:${userId}`;
}

/** @param position in ASCII */
export function encodeCursor(list: string, position: string): string {
  return Buffer.from(check(list, position) + position, 'latin1').toString('base64url');
}

/**
 * The position that `encodeCursor` was given.
 *
 * @throws BadUserInputError when the cursor is of another list, damaged or made up
 */
export function decodeCursor(list: string, cursor: string): string {
  const bytes = Buffer.from(cursor, 'base64url');
  const position = bytes.toString('latin1', CHECK_BYTES);
  // Encoding again also refuses the other spellings of the same bytes that base64 allows.
  if (encodeCursor(list, position) !== cursor) throw new BadUserInputError('The cursor is not one of this list.');
  return position;
}

/** As text of a character a byte, which is faster made than bytes. */
function check(list: string, position: string): string {
  return hash('sha256', `${list}\0${position}`, 'binary').slice(0, CHECK_BYTES);
}
