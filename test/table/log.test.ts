import { PutCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Message } from '../../src/model.ts';
import { messageItem, profileItem } from '../../src/table/items.ts';
import { readNewer, readNewest, readOlder, runDown, runUp } from '../../src/table/log.ts';
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

/** A table as a lagging replica may show it: with these messages of the group only. */
async function aLogOf(sequences: readonly number[]) {
  const table = await aTable();
  const profile = { id: GROUP, kind: 'DIRECT', memberIds: MEMBERS, createdAt: '2026-03-01T09:30:00.000Z' } as const;
  for (const Item of [profileItem(profile), ...sequences.map((sequence) => messageItem(GROUP, message(sequence)))]) {
    await table.client.send(new PutCommand({ TableName: table.name, Item }));
  }
  return table;
}

const gapped = fc
  .uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 20 })
  .map((all) => all.sort((a, b) => a - b));

test('a run up ends before the first hole and has all before it', () => {
  fc.assert(
    fc.property(gapped, fc.integer({ min: 1, max: 30 }), (sequences, start) => {
      const run = runUp(start, sequences.filter((each) => each >= start).map(message));

      expect(run.map(({ sequence }) => sequence)).toEqual(run.map((_, index) => start + index));
      expect(sequences).not.toContain(start + run.length);
    }),
  );
});

test('a run down ends before the first hole and has all before it', () => {
  fc.assert(
    fc.property(gapped, fc.integer({ min: 1, max: 30 }), (sequences, start) => {
      const run = runDown(
        start,
        sequences
          .filter((each) => each <= start)
          .map(message)
          .reverse(),
      );

      expect(run.map(({ sequence }) => sequence)).toEqual(run.map((_, index) => start - index));
      expect(sequences).not.toContain(start - run.length);
    }),
  );
});

test('where a read shows a message without the one before it, the newest page ends at the hole', async () => {
  const table = await aLogOf([1, 2, 3, 5]);

  const { messages } = await readNewest(table, GROUP, 10);

  expect(messages.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
});

test('where a read shows a message without the one before it, a poll ends at the hole', async () => {
  const table = await aLogOf([1, 2, 3, 5]);

  const stretch = await readNewer(table, GROUP, 1, 10);
  const nothing = await readNewer(table, GROUP, 3, 10);

  expect(stretch.messages.map(({ sequence }) => sequence)).toEqual([2, 3]);
  expect(nothing).toMatchObject({ messages: [], hasNewer: false });
});

test('an older page never steps over a hole either', async () => {
  const table = await aLogOf([1, 2, 4, 5, 6]);

  const stretch = await readOlder(table, GROUP, 6, 10);

  expect(stretch.messages.map(({ sequence }) => sequence)).toEqual([4, 5]);
});
