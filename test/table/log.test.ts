import { PutCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Message } from '../../src/model.ts';
import { messageItem, profileItem } from '../../src/table/items.ts';
import { readNewer, readNewest, readOlder } from '../../src/table/log.ts';
import { missingNumbers } from '../../src/table/missing-numbers.ts';
import type { Skipped, Table } from '../../src/table/table.ts';
import { observeCalls } from '../../src/table/table.ts';
import { laggingTable } from '../support/lagging-table.ts';
import { spoilMessages, spoilProfile } from '../support/summaries.ts';
import { aTable } from '../support/table.ts';

const GROUP = '7d5f3c0e-2a51-4f0c-9f30-0d9a3a6f4b11';
const MEMBERS = ['0b9a1c1e-5a6b-4a8e-8d8e-0d1f2a3b4c5d', '9c8b7a69-5847-4632-8a1f-0e9d8c7b6a59'];

function message(sequence: number): Message {
  return {
    id: `00000000-0000-4000-8000-${String(sequence).padStart(12, '0')}`,
    sequence,
    senderId: MEMBERS[0] ?? '',
    body: `${sequence}`,
    createdAt: '2026-03-01T09:30:00.000Z',
  };
}

/** A table with these messages of the group, the calls that were made, and the skips that were reported. */
async function aLogOf(sequences: readonly number[]) {
  const made = await aTable();
  const profile = { id: GROUP, kind: 'DIRECT', memberIds: MEMBERS, createdAt: '2026-03-01T09:30:00.000Z' } as const;
  for (const Item of [profileItem(profile), ...sequences.map((sequence) => messageItem(GROUP, message(sequence)))]) {
    await made.client.send(new PutCommand({ TableName: made.name, Item }));
  }
  const calls: string[] = [];
  const skips: Skipped[] = [];
  const table: Table = {
    ...observeCalls(made, ({ operation, capacityUnits }) => calls.push(`${operation} ${capacityUnits}`)),
    onSkipped: (skipped) => skips.push(skipped),
  };
  return { table, calls, skips };
}

const numbersOf = ({ messages }: { readonly messages: readonly Message[] }) => messages.map(({ sequence }) => sequence);

test('missing numbers are all numbers between the ends that are not there', () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 20 });
  fc.assert(
    fc.property(numbers, fc.boolean(), fc.boolean(), (given, hasFrom, hasTo) => {
      const ascending = given.sort((a, b) => a - b);
      const [from, to] = [0, 31];
      const gaps = missingNumbers(ascending, { ...(hasFrom && { from }), ...(hasTo && { to }) });
      const downwards = missingNumbers(ascending.toReversed(), {
        ...(hasTo && { from: to }),
        ...(hasFrom && { to: from }),
      });

      const low = hasFrom ? from + 1 : (ascending[0] ?? to);
      const high = hasTo ? to - 1 : (ascending.at(-1) ?? from);
      const expected = Array.from({ length: 30 }, (_, index) => index + 1).filter(
        (number) => number >= low && number <= high && !ascending.includes(number),
      );
      const spelled = (all: typeof gaps) =>
        all
          .flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, index) => first + index))
          .sort((a, b) => a - b);
      expect(spelled(gaps)).toEqual(expected);
      expect(spelled(downwards)).toEqual(expected);
    }),
  );
});

describe('a number that is not visible yet is waited for by one consistent repetition', () => {
  test.each<[string, (table: Table) => ReturnType<typeof readNewest>, number[]]>([
    ['the newest page', (table) => readNewest(table, GROUP, 10), [1, 2, 3, 4, 5]],
    ['a poll', (table) => readNewer(table, GROUP, 1, 10), [2, 3, 4, 5]],
    ['a poll right before it', (table) => readNewer(table, GROUP, 3, 10), [4, 5]],
    ['an older page', (table) => readOlder(table, GROUP, 6, 10), [1, 2, 3, 4, 5]],
    ['an older page right after it', (table) => readOlder(table, GROUP, 5, 2), [3, 4]],
  ])('in %s', async (_, read, expected) => {
    const { table, calls, skips } = await aLogOf([1, 2, 3, 4, 5]);

    expect(numbersOf(await read(laggingTable(table, [4])))).toEqual(expected);

    expect(calls.filter((call) => call.startsWith('Query'))).toHaveLength(2);
    expect(skips).toEqual([]);
  });

  test('but the newest one is left to the next poll', async () => {
    const { table, calls } = await aLogOf([1, 2, 3]);

    expect(numbersOf(await readNewest(laggingTable(table, [3]), GROUP, 2))).toEqual([1, 2]);

    expect(calls).toHaveLength(1);
  });
});

describe('a number that is missing for good', () => {
  test('is stepped over, reported once, and looked for once', async () => {
    const { table, calls, skips } = await aLogOf([1, 2, 5, 6]);

    const first = await readNewest(table, GROUP, 10);
    const callsOfFirst = calls.splice(0).length;
    const again = await readNewest(table, GROUP, 10);
    const poll = await readNewer(table, GROUP, 2, 10);

    expect(numbersOf(first)).toEqual([1, 2, 5, 6]);
    expect(numbersOf(again)).toEqual([1, 2, 5, 6]);
    expect(numbersOf(poll)).toEqual([5, 6]);
    expect([callsOfFirst, calls.length]).toEqual([2, 2]);
    expect(skips).toEqual([
      { kind: 'missing number', pk: `GRP#${GROUP}`, sk: 'MSG#000000000003 to MSG#000000000004', reason: '' },
    ]);
  });

  test('is reported once for each end, wherever cursors cut the gap off, and looked for no more than that', async () => {
    const { table, calls, skips } = await aLogOf([1, 2, 13, 14]);

    for (let sequence = 11; sequence >= 2; sequence -= 1)
      expect(numbersOf(await readNewer(table, GROUP, sequence, 10))).toEqual([13, 14]);
    for (let sequence = 4; sequence <= 13; sequence += 1)
      expect(numbersOf(await readOlder(table, GROUP, sequence, 10))).toEqual([1, 2]);
    calls.splice(0);
    for (let sequence = 3; sequence <= 11; sequence += 1) await readNewer(table, GROUP, sequence, 10);

    expect(skips.length).toBeLessThanOrEqual(2);
    expect(calls).toHaveLength(9);
  });

  test('at the start of the log leaves no page without edges that says that there are more', async () => {
    const { table } = await aLogOf([4, 5, 6]);

    const newest = await readNewest(table, GROUP, 2);
    const older = await readOlder(table, GROUP, 5, 2);
    const none = await readOlder(table, GROUP, 4, 2);

    expect([newest, older, none].map((page) => [numbersOf(page), page.hasOlder])).toEqual([
      [[5, 6], true],
      [[4], false],
      [[], false],
    ]);
  });
});

describe('a message that cannot be read', () => {
  test('is left out, reported once with its key, and counts as the newest number', async () => {
    const { table, skips } = await aLogOf([1, 2, 4]);
    await spoilMessages(table, GROUP, 3, 5);

    const newest = await readNewest(table, GROUP, 10);
    const poll = await readNewer(table, GROUP, 2, 10);
    const idle = await readNewer(table, GROUP, 4, 10);

    expect([numbersOf(newest), numbersOf(poll), numbersOf(idle)]).toEqual([[1, 2, 4], [4], []]);
    expect([newest.lastSequence, idle.hasNewer]).toEqual([5, false]);
    expect(skips.map(({ kind, sk }) => [kind, sk])).toEqual([
      ['unreadable item', 'MSG#000000000005'],
      ['unreadable item', 'MSG#000000000003'],
    ]);
  });

  test('and its neighbours, more of them than a page has, leave the page with the next that can be read', async () => {
    const { table } = await aLogOf([1, 2, 8]);
    await spoilMessages(table, GROUP, 3, 4, 5, 6, 7);

    const older = await readOlder(table, GROUP, 8, 2);
    const newer = await readNewer(table, GROUP, 2, 2);

    expect([numbersOf(older), older.hasOlder]).toEqual([[1, 2], false]);
    expect([numbersOf(newer), newer.hasNewer]).toEqual([[8], false]);
  });
});

test.each([1, 3, 120])(
  '%i items beside the messages, whose sort keys have no number, silence nothing',
  async (count) => {
    const { table, skips } = await aLogOf([1, 2, 3]);
    for (let stray = 0; stray < count; stray += 1) {
      // Before message 1, between two messages, and after the newest.
      for (const prefix of ['MSG#!', 'MSG#000000000002!', 'MSG#z'])
        await table.client.send(
          new PutCommand({
            TableName: table.name,
            Item: { pk: `GRP#${GROUP}`, sk: `${prefix}${stray}`, body: 'stray' },
          }),
        );
    }

    const down: number[][] = [];
    let page = await readNewest(table, GROUP, 1);
    down.push(numbersOf(page));
    while (page.hasOlder && down.length < 10) {
      page = await readOlder(table, GROUP, page.messages[0]?.sequence ?? 0, 1);
      down.push(numbersOf(page));
    }
    const up: number[][] = [];
    let next = await readNewer(table, GROUP, 0, 1);
    up.push(numbersOf(next));
    while (next.hasNewer && up.length < 10) {
      next = await readNewer(table, GROUP, next.lastSequence, 1);
      up.push(numbersOf(next));
    }

    expect(down.flat()).toEqual([3, 2, 1]);
    expect(up.flat()).toEqual([1, 2, 3]);
    expect((await readNewest(table, GROUP, 1)).lastSequence).toBe(3);
    expect(skips.length).toBeGreaterThanOrEqual(count);
  },
);

test('a profile that cannot be read is none', async () => {
  const { table, skips } = await aLogOf([1]);
  await spoilProfile(table, GROUP);

  const pages = [
    await readNewest(table, GROUP, 10),
    await readOlder(table, GROUP, 2, 10),
    await readNewer(table, GROUP, 1, 10),
  ];

  expect(pages.map(({ profile }) => profile)).toEqual([undefined, undefined, undefined]);
  expect(skips.map(({ sk }) => sk)).toEqual(['PROFILE']);
});
