import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anApi, useApi } from '../support/api.ts';
import { aCommand, act, expectSameLogs, type World } from '../support/model-commands.ts';

useApi();

const peopleCount = fc.integer({ min: 3, max: 5 });
/** 7 on average, and as few as it takes to show a fault. */
const commandList = fc.noBias(fc.array(aCommand, { maxLength: 14, size: 'max' }));

test('whatever people do, the replies are those of a log in memory', { timeout: 90_000 }, async () => {
  const api = await anApi();

  const outcomes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(peopleCount, commandList, async (count, commands) => {
      const people = (await api.people(5)).slice(0, count);
      const world: World = { api, people, groups: [], cursors: [] };
      await act(world, { do: 'write to people', who: 0, recipients: [1], text: 'hi', clientMessageId: undefined });
      for (const command of commands) outcomes.add(`${command.do}: ${await act(world, command)}`);
      await expectSameLogs(world);
    }),
    // A counterexample is made shorter for as long as the test may take.
    { numRuns: 200, interruptAfterTimeLimit: 80_000, markInterruptAsFailure: true, includeErrorInReport: true },
  );

  // Otherwise the property would have said less than it seems to.
  expect(OUTCOMES.filter((outcome) => !outcomes.has(outcome))).toEqual([]);
});

/** What 200 runs can't but come across. */
const OUTCOMES = [
  'write to people: done',
  'write to people: nobody to write to',
  'write into a group: done',
  'write into a group: done before',
  'write into a group: id reused',
  'write into a group: not found',
  'read older: done',
  'read older: not found',
  'read newer: done',
  'read newer: not found',
  'walk: done',
  'walk: not found',
  'mark as read: done',
  'mark as read: out of range',
  'mark as read: not found',
  'list groups: done',
  'list groups: none',
  'look at a group: done',
  'look at a group: not found',
];
