import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anApi, useApi } from '../support/api.ts';
import { anyBody, fateOf, roundTrip } from '../support/bodies.ts';
import { startGroup } from '../support/operations.ts';

useApi();

const BATCH = 50;

test('10,000 random bodies: what is accepted reads back equal, and all others are refused for what they are', {
  timeout: 600_000,
}, async () => {
  const fates = new Map<string, number>();
  let sent = 0;
  // A write takes the longer, the more the table's stream holds: each thousand has a table of its own.
  const aThousand = async () => {
    const api = await anApi();
    const people = await api.people(2);
    await fc.assert(
      fc.asyncProperty(fc.array(anyBody, { minLength: BATCH, maxLength: BATCH }), async (bodies) => {
        await roundTrip(api, people[0], await startGroup(api, people), bodies);
        for (const fate of bodies.map(fateOf)) {
          const kind = 'refused' in fate ? fate.refused : 'stored';
          fates.set(kind, (fates.get(kind) ?? 0) + 1);
        }
        sent += bodies.length;
      }),
      { numRuns: 1_000 / BATCH, includeErrorInReport: true },
    );
    expect(api.logs.filter((line) => JSON.parse(line).level >= 50)).toEqual([]);
  };
  await Promise.all(Array.from({ length: 10 }, aThousand));

  expect(sent).toBe(10_000);
  // Otherwise most would have been of one kind.
  expect(fates.get('stored')).toBeGreaterThan(5_000);
  for (const code of ['BODY_INVALID', 'BODY_BLANK', 'BODY_TOO_LONG']) expect(fates.get(code)).toBeGreaterThan(100);
});
