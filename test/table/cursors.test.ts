import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BadUserInputError } from '../../src/errors.ts';
import { decodeCursor, encodeCursor, messageGroupsList, messagesList } from '../../src/table/cursors.ts';

const anyText = fc.string({ unit: 'grapheme' });
const anyPosition = fc.string({ unit: 'binary-ascii' });

test('a cursor of a list leads back to its position in that list', () => {
  fc.assert(
    fc.property(anyText, anyPosition, (list, position) => {
      expect(decodeCursor(list, encodeCursor(list, position))).toBe(position);
    }),
  );
});

test('a cursor is refused by any other list', () => {
  fc.assert(
    fc.property(fc.uuid(), fc.uuid(), anyPosition, (one, other, position) => {
      fc.pre(one !== other);
      const cursor = encodeCursor(messagesList(one), position);

      expect(() => decodeCursor(messagesList(other), cursor)).toThrow(BadUserInputError);
      expect(() => decodeCursor(messageGroupsList(one), cursor)).toThrow(BadUserInputError);
    }),
  );
});

test('a damaged cursor is refused', () => {
  fc.assert(
    fc.property(anyPosition, fc.nat(), fc.string({ maxLength: 2 }), (position, at, replacement) => {
      const cursor = encodeCursor('list', position);
      const index = at % cursor.length;
      const damaged = cursor.slice(0, index) + replacement + cursor.slice(index + 1);
      fc.pre(damaged !== cursor);

      expect(() => decodeCursor('list', damaged)).toThrow(BadUserInputError);
    }),
    { numRuns: 1000 },
  );
});
