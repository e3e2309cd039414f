import { marshall } from '@aws-sdk/util-dynamodb';
import { expect, test } from 'vitest';
import type { Message, User } from '../../src/model.ts';
import { applyRecords } from '../../src/summaries/apply.ts';
import { messageItem } from '../../src/table/items.ts';
import { observeCalls, type Table } from '../../src/table/table.ts';
import { groupIdOf, sendAs, users } from '../support/groups.ts';
import { setSummary } from '../support/summaries.ts';
import { aTable } from '../support/table.ts';

const LONGEST = '😀'.repeat(1_024);

function messageOf(sequence: number, { id }: User, body: string): Message {
  return {
    id: `6c1f2d0a-4b7e-4a53-9d10-${String(sequence).padStart(12, '0')}`,
    sequence,
    senderId: id,
    body,
    createdAt: new Date().toISOString(),
    clientMessageId: '0b9a1c1e-5a6b-4a8e-8d8e-0d1f2a3b4c5d',
  };
}

/** Applies a message to the summaries of its group. Returns the write units that it cost. */
async function costOf(table: Table, messageGroupId: string, message: Message): Promise<number> {
  let units = 0;
  const observed = observeCalls(table, ({ operation, capacityUnits }) => {
    if (operation === 'UpdateItem') units += capacityUnits;
  });
  const records = [{ dynamodb: { NewImage: marshall(messageItem(messageGroupId, message)) } }];
  expect(await applyRecords(observed, records)).toMatchObject({ failed: [], dead: [] });
  return units;
}

test('a short message costs 3 WCU a member in summaries, in a group of 50 also after the longest message', async () => {
  const table = await aTable();
  const members = users(50) as [User, ...User[]];
  const [ann] = members;
  const messageGroupId = groupIdOf(members);
  await sendAs(table, members, ann, LONGEST);

  const afterTheLongest = await costOf(table, messageGroupId, messageOf(2, ann, 'short'));
  const longest = await costOf(table, messageGroupId, messageOf(3, ann, LONGEST));
  const again = await costOf(table, messageGroupId, messageOf(4, ann, 'short'));

  expect([afterTheLongest, longest, again]).toEqual([150, 150, 150]);
});

test('summaries that an older version wrote cost more once, and then as much', async () => {
  const table = await aTable();
  const members = users(50) as [User, ...User[]];
  const [ann] = members;
  const messageGroupId = groupIdOf(members);
  await sendAs(table, members, ann, LONGEST);
  const memberIds = members.map(({ id }) => id).sort();
  for (const { id } of members)
    await setSummary(table, id, messageGroupId, { memberIds, lastMessage: messageOf(1, ann, LONGEST) });

  const first = await costOf(table, messageGroupId, messageOf(2, ann, 'short'));
  const second = await costOf(table, messageGroupId, messageOf(3, ann, 'short'));

  expect(first).toBeGreaterThan(150);
  expect(second).toBe(150);
});
