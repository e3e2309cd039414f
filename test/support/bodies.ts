import fc from 'fast-check';
import { expect } from 'vitest';
import type { TestApi } from './api.ts';
import { CREATE_MESSAGE, type CreateMessagePayload, listMessages, type MessageNode } from './operations.ts';
import type { Person } from './people.ts';

/** Bodies such as nobody types, what is to become of each, and a round trip for many of them. */

const MAX_CODE_POINTS = 1024;

function oneCharacter(min: number, max: number): fc.Arbitrary<string> {
  return fc.integer({ min, max }).map((codePoint) => String.fromCodePoint(codePoint));
}

const fourBytes = oneCharacter(0x10000, 0x10ffff);
const combiningMark = oneCharacter(0x300, 0x36f);
/** The left-to-right and right-to-left marks, embeddings, overrides and isolates. */
const directionMark = fc.constantFrom(...'\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069');
/** Half of a surrogate pair; two of them that meet the right way round make a whole one. */
const surrogate = fc.integer({ min: 0xd800, max: 0xdfff }).map((unit) => String.fromCharCode(unit));
const invisible = fc.constantFrom(
  ...'\0\u0007\u001b\u007f\u0085\u00ad\u200b\u200c\u200d\u2060\ufe0f\u2800\u3164\ufff9\u{e0041}',
);
const space = fc.constantFrom(...' \t\n\r\v\f\u00a0\u1680\u2003\u2028\u2029\u3000\ufeff');
const visible = fc.oneof(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }), fourBytes, combiningMark);

const spaces = fc.array(space, { maxLength: 3 }).map((all) => all.join(''));

function textOf(unit: fc.Arbitrary<string>, maxLength: number): fc.Arbitrary<string> {
  return fc.array(unit, { maxLength, size: 'max' }).map((units) => units.join(''));
}

/** Bodies about as long as one may be, of characters of one kind. */
const atTheLimit = fc
  .tuple(
    fc.oneof(fourBytes, combiningMark, directionMark, oneCharacter(0x20, 0xd7ff)),
    fc.integer({ min: MAX_CODE_POINTS - 3, max: MAX_CODE_POINTS + 3 }),
    visible,
  )
  .map(([character, length, end]) => character.repeat(length - 1) + end);

export const anyBody: fc.Arbitrary<string> = fc
  .tuple(
    spaces,
    fc.oneof(
      { weight: 6, arbitrary: textOf(fc.oneof(visible, directionMark, invisible, space), 60) },
      { weight: 2, arbitrary: textOf(fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), 60) },
      { weight: 2, arbitrary: textOf(fc.oneof({ weight: 8, arbitrary: visible }, surrogate), 12) },
      { weight: 2, arbitrary: atTheLimit },
      { weight: 1, arbitrary: textOf(fc.oneof(directionMark, invisible, space), 12) },
    ),
    spaces,
  )
  .map((parts) => parts.join(''));

/** Format characters that show: Unicode's Prepended_Concatenation_Mark. */
const SHOWN_FORMATS = '\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}';
const BLANK_GLYPHS = '\u2800\u{13441}\u{13442}\u{16fe4}\u{1d159}';

export function isBlank(character: string): boolean {
  if (SHOWN_FORMATS.includes(character)) return false;
  return (
    BLANK_GLYPHS.includes(character) ||
    /^[\s\p{Cc}\p{Cf}\p{Z}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]$/u.test(character)
  );
}

/** What is stored of a body, or why nothing is. */
export type Fate = { readonly stored: string } | { readonly refused: string };

export function fateOf(body: string): Fate {
  const kept = body.replace(/^\s+/, '').replace(/\s+$/, '');
  if (/\p{Surrogate}/u.test(kept)) return { refused: 'BODY_INVALID' };
  if (Array.from(kept).every(isBlank)) return { refused: 'BODY_BLANK' };
  if (Array.from(kept).length > MAX_CODE_POINTS) return { refused: 'BODY_TOO_LONG' };
  return { stored: kept };
}

/**
 * Sends each of the bodies into the group, several at once. Expects that each meets its fate, and that the group has what is to be
 * stored and nothing else.
 */
export async function roundTrip(
  api: TestApi,
  person: Person,
  messageGroupId: string,
  bodies: readonly string[],
): Promise<void> {
  const [first] = (await listMessages(api, person, { messageGroupId, first: 1 })).edges;
  const sent: MessageNode[] = [];
  const left = bodies.values();
  const sendOn = async () => {
    for (const body of left) {
      const response = await api.post(person, CREATE_MESSAGE, { input: { to: { messageGroupId }, body } });
      expect(response.status).toBe(200);
      const { data } = (await response.json()) as { data: { createMessage: CreateMessagePayload } };
      const { message, userErrors } = data.createMessage;
      const fate = fateOf(body);
      expect(userErrors.map(({ code }) => code)).toEqual('refused' in fate ? [fate.refused] : []);
      if ('refused' in fate) expect(message).toBeNull();
      else expect(message?.body).toBe(fate.stored);
      if (message) sent.push(message);
    }
  };
  await Promise.all(Array.from({ length: 4 }, sendOn));

  const before = first?.cursor;
  const { edges } = await listMessages(api, person, { messageGroupId, last: 100, ...(before && { before }) });
  expect(edges.map(({ node }) => node)).toEqual(sent.toSorted((one, other) => other.sequence - one.sequence));
}
