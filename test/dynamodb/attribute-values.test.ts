import { marshall } from '@aws-sdk/util-dynamodb';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toWire } from '../../src/dynamodb/attribute-values.ts';

/** Values of the types that the table has, nested as deep as they come. */
const { item } = fc.letrec<{ value: unknown; item: Record<string, unknown> }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'binary' }),
    fc.maxSafeInteger(),
    fc.array(tie('value'), { maxLength: 4 }),
    tie('item'),
  ),
  item: fc.dictionary(
    fc.string().filter((name) => name !== '__proto__'),
    tie('value'),
    { maxKeys: 5, noNullPrototype: true },
  ),
}));

test('what is written is what the SDK would write', () => {
  fc.assert(
    fc.property(item, (plain) => {
      expect(toWire(plain)).toEqual(marshall(plain));
    }),
  );
});

test('what is undefined is left out', () => {
  expect(toWire({ body: 'hello', clientMessageId: undefined })).toEqual({ body: { S: 'hello' } });
});
