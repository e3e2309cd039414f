import { expect, test } from 'vitest';
import { ageOf } from '../../src/stream/old-records.ts';

const CREATED_AT = Date.parse('2026-03-01T09:30:45.678Z');

test.each([
  ['2026-03-01T09:30:44.000Z', 'older'],
  ['2026-02-28T09:30:45.000Z', 'older'],
  // Rounded to the second, and to the minute, of the table's creation.
  ['2026-03-01T09:30:45.000Z', 'unsure'],
  ['2026-03-01T09:30:00.000Z', 'unsure'],
  ['2026-03-01T09:29:00.000Z', 'older'],
  ['2026-03-01T09:30:46.000Z', 'newer'],
])('a record of %s and a table of 09:30:45.678: %s', (writtenAt, expected) => {
  const record = { dynamodb: { ApproximateCreationDateTime: new Date(writtenAt) } };

  expect(ageOf(record, CREATED_AT)).toBe(expected);
});

test('a record of the second in which a table was created is unsure, also where the engine rounds both times down', () => {
  const second = new Date('2026-03-01T09:30:45.000Z');

  expect(ageOf({ dynamodb: { ApproximateCreationDateTime: second } }, second.getTime())).toBe('unsure');
});

test('a record without a time is newer', () => {
  expect(ageOf({}, CREATED_AT)).toBe('newer');
});
