import { expect, test } from 'vitest';
import { isOlderThan } from '../../src/stream/old-records.ts';

const CREATED_AT = Date.parse('2026-03-01T09:30:45.678Z');

test.each([
  ['2026-03-01T09:30:44.000Z', true],
  ['2026-02-28T09:30:45.000Z', true],
  // Rounded to the second, and to the minute, of the table's creation.
  ['2026-03-01T09:30:45.000Z', false],
  ['2026-03-01T09:30:00.000Z', false],
  ['2026-03-01T09:29:00.000Z', true],
  ['2026-03-01T09:30:46.000Z', false],
])('a record of %s is older than a table of 09:30:45.678: %s', (writtenAt, expected) => {
  const record = { dynamodb: { ApproximateCreationDateTime: new Date(writtenAt) } };

  expect(isOlderThan(record, CREATED_AT)).toBe(expected);
});

test('a record without a time is not old', () => {
  expect(isOlderThan({}, CREATED_AT)).toBe(false);
});
