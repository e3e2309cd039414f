import { BatchWriteCommand, DeleteCommand, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { describe, expect, test, vi } from 'vitest';
import type { User } from '../../src/model.ts';
import { expectedReadSequence, type Finding, wrongFields } from '../../src/summaries/audit.ts';
import { auditTable } from '../../src/summaries/rebuild.ts';
import { storedMessage, summaryItem } from '../../src/table/items.ts';
import { activityKey, profileKey, sentBeforeKey, summaryKey } from '../../src/table/keys.ts';
import { getMessage } from '../../src/table/log.ts';
import { getProfile } from '../../src/table/profiles.ts';
import { advanceReadSequence, advanceSummary, getSummary } from '../../src/table/summaries.ts';
import type { Table } from '../../src/table/table.ts';
import { runCommand, targetOf } from '../support/command-line.ts';
import { groupIdOf, putMessages, sendAs, users } from '../support/groups.ts';
import { deleteMessages, setSummary, spoilMessages, spoilProfile } from '../support/summaries.ts';
import { aTable } from '../support/table.ts';

/** A group whose log went on after its summaries were written: no worker runs here. */
async function aGroupThatWentOn(table: Table) {
  const members = users(3) as [User, User, User];
  const [ann, ben] = members;
  const messageGroupId = groupIdOf(members);
  await sendAs(table, members, ann, 'one');
  await putMessages(table, messageGroupId, ben, 2, 2);
  await putMessages(table, messageGroupId, ann, 3, 3);
  return { members, messageGroupId };
}

async function aPair(table: Table) {
  const members = users(2) as [User, User];
  await sendAs(table, members, members[0], 'one');
  return { members, messageGroupId: groupIdOf(members) };
}

async function rebuildAll(table: Table) {
  const findings: Finding[] = [];
  const counts = await auditTable(table, { repair: true }, (found) => findings.push(...found));
  return { ...counts, findings };
}

async function summaries(table: Table, command: 'verify' | 'rebuild', ...options: string[]) {
  const { code, stdout } = await runCommand(targetOf(table), 'summaries', command, ...options);
  return { code, lines: stdout.trimEnd().split('\n') };
}

const NOTHING_WRONG =
  'wrong summaries: 0, orphans: 0, orphan logs: 0, gaps in logs: 0, unreadable items: 0, groups that failed: 0';

test('summaries that are as the logs say are right, whatever their readers marked', async () => {
  const table = await aTable();
  const { members, messageGroupId } = await aPair(table);
  await advanceReadSequence(table, members[1].id, messageGroupId, 1);

  expect(await summaries(table, 'verify')).toEqual({ code: 0, lines: [`message groups: 1, ${NOTHING_WRONG}`] });
});

test('a rebuild brings summaries that are behind to what the logs say', async () => {
  const table = await aTable();
  const { members, messageGroupId } = await aGroupThatWentOn(table);

  const before = await summaries(table, 'verify');
  const rebuilt = await summaries(table, 'rebuild');
  const after = await summaries(table, 'verify');

  expect(before.code).toBe(1);
  expect(before.lines.slice(0, -1).sort()).toEqual(
    members
      .map(({ id }, index) => {
        const read = index === 2 ? '' : ', readSequence';
        return `wrong summary: user ${id} group ${messageGroupId}: lastMessage, lastSequence${read}, activityKey`;
      })
      .sort(),
  );
  expect(before.lines.at(-1)).toBe(
    'message groups: 1, wrong summaries: 3, orphans: 0, orphan logs: 0, gaps in logs: 0, unreadable items: 0, groups that failed: 0',
  );
  expect(rebuilt).toEqual({ code: 0, lines: [`message groups: 1, repaired summaries: 3, ${NOTHING_WRONG}`] });
  expect(after.code).toBe(0);
  const found = await Promise.all(members.map(({ id }) => getSummary(table, id, messageGroupId)));
  expect(found.map((summary) => [summary?.lastSequence, summary?.readSequence])).toEqual([
    [3, 3],
    [3, 2],
    [3, 0],
  ]);
}, 60_000);

test.each<[string, object]>([
  ['is ahead of the log', { lastSequence: 99 }],
  ['has read numbers that were never written', { readSequence: 99 }],
  ['has another last message', { lastMessage: { ...message(1), body: 'forged' } }],
  ['has other members', { memberIds: users(2).map(({ id }) => id) }],
])('a summary that %s is found and repaired', async (_, attributes) => {
  const table = await aTable();
  const { members, messageGroupId } = await aPair(table);
  const right = await getSummary(table, members[0].id, messageGroupId);
  await setSummary(table, members[0].id, messageGroupId, attributes);

  expect(await rebuildAll(table)).toEqual({ groups: 1, repaired: 1, findings: [] });

  expect(await getSummary(table, members[0].id, messageGroupId)).toEqual(right);
});

test('a summary that is missing is made, and one of no group is reported and left', async () => {
  const table = await aTable();
  const { members, messageGroupId } = await aPair(table);
  const summary = await getSummary(table, members[1].id, messageGroupId);
  await table.client.send(new DeleteCommand({ TableName: table.name, Key: summaryKey(members[1].id, messageGroupId) }));
  const [stranger] = users(1) as [User];
  const profile = { id: messageGroupId, kind: 'DIRECT', memberIds: [stranger.id], createdAt: '' } as const;
  const Item = unmarshall(summaryItem(stranger.id, profile, storedMessage(message(1)), 0));
  await table.client.send(new PutCommand({ TableName: table.name, Item }));

  const { code, lines } = await summaries(table, 'rebuild');

  expect(code).toBe(1);
  expect(lines).toEqual([
    `orphan: user ${stranger.id} has a summary of group ${messageGroupId}, and is no member`,
    'message groups: 1, repaired summaries: 1, wrong summaries: 0, orphans: 1, orphan logs: 0, gaps in logs: 0, unreadable items: 0, groups that failed: 0',
  ]);
  expect(await getSummary(table, members[1].id, messageGroupId)).toEqual(summary);
});

describe('a damaged table', () => {
  test('is repaired past what is damaged, which is reported with keys and without texts', async () => {
    const table = await aTable();
    const healthy = await aGroupThatWentOn(table);
    const gapped = await aGroupThatWentOn(table);
    await putMessages(table, gapped.messageGroupId, gapped.members[0], 4, 9);
    await deleteMessages(table, gapped.messageGroupId, 1, 4, 5);
    await spoilMessages(table, gapped.messageGroupId, 7);
    const lost = await aPair(table);
    await spoilProfile(table, lost.messageGroupId);
    const unread = await aPair(table);
    await setSummary(table, unread.members[1].id, unread.messageGroupId, { lastMessage: 'secret text' });

    const { code, lines } = await summaries(table, 'rebuild');
    const again = await summaries(table, 'verify', '--json');

    const unreadable = (key: string, reason: string) => `unreadable item: ${key}: no ${reason}`;
    expect(code).toBe(1);
    expect(lines.slice(0, -1).sort()).toEqual(
      [
        `missing numbers: group ${gapped.messageGroupId}: 1 to 1`,
        `missing numbers: group ${gapped.messageGroupId}: 4 to 5`,
        unreadable(`GRP#${gapped.messageGroupId} MSG#000000000007`, 'message: id is not a UUID'),
        unreadable(`GRP#${lost.messageGroupId} PROFILE`, 'profile: memberIds is not a list'),
        unreadable(`USR#${unread.members[1].id} GRP#${unread.messageGroupId}`, 'summary: lastMessage is not an item'),
      ].sort(),
    );
    expect(lines.at(-1)).toBe(
      'message groups: 3, repaired summaries: 6, wrong summaries: 0, orphans: 0, orphan logs: 0, gaps in logs: 2, unreadable items: 3, groups that failed: 0',
    );
    expect(lines.join()).not.toContain('secret');
    expect(again.lines.map((line) => JSON.parse(line)).at(-1)).toEqual({
      kind: 'counts',
      groups: 3,
      'wrong summary': 0,
      orphan: 0,
      'orphan log': 0,
      'missing numbers': 2,
      'unreadable item': 3,
      'failed group': 0,
    });
    for (const { members, messageGroupId } of [healthy, gapped])
      expect((await getSummary(table, members[2].id, messageGroupId))?.lastSequence).toBe(
        messageGroupId === healthy.messageGroupId ? 3 : 9,
      );
  }, 60_000);

  test('tells of a group that lost all its messages', async () => {
    const table = await aTable();
    const { messageGroupId } = await aPair(table);
    await deleteMessages(table, messageGroupId, 1);

    const { code, lines } = await summaries(table, 'verify');

    expect(code).toBe(1);
    expect(lines[0]).toBe(`missing numbers: group ${messageGroupId}: 1 to 1`);
    expect(lines.at(-1)).toContain('gaps in logs: 1');
  });

  test('keeps the attributes that this version does not know, in a summary and in its last message', async () => {
    const table = await aTable();
    const { members, messageGroupId } = await aPair(table);
    const Key = summaryKey(members[1].id, messageGroupId);
    await setSummary(table, members[1].id, messageGroupId, { pinned: true, lastSequence: 99 });

    await rebuildAll(table);

    const { Item } = await table.client.send(new GetCommand({ TableName: table.name, Key, ConsistentRead: true }));
    expect(Item).toMatchObject({ pinned: true, lastSequence: 1 });
  });
});

test('logs without a profile, unreadable sent-before records and foreign items are told apart', async () => {
  const table = await aTable();
  const { messageGroupId, members } = await aPair(table);
  await putMessages(table, messageGroupId, members[0], 2, 1_200);
  const put = (Item: Record<string, unknown>) => table.client.send(new PutCommand({ TableName: table.name, Item }));
  await table.client.send(new DeleteCommand({ TableName: table.name, Key: profileKey(messageGroupId) }));
  await put({ ...sentBeforeKey(messageGroupId, members[0].id, 'once'), messageId: 'none' });
  await put({ pk: `USR#${members[0].id}`, sk: 'PROFILE', of: 'another program' });

  const { code, lines } = await summaries(table, 'verify');

  expect(code).toBe(1);
  expect(lines.filter((line) => !line.startsWith('orphan: '))).toEqual([
    expect.stringMatching(/^unreadable item: GRP#.* DEDUP#.*: no sent-before record: messageId is not a UUID$/),
    `orphan log: group ${messageGroupId} has messages, and no profile`,
    'message groups: 0, wrong summaries: 0, orphans: 2, orphan logs: 1, gaps in logs: 0, unreadable items: 1, groups that failed: 0',
  ]);
}, 60_000);

test('a message that takes a deleted number while its summary is moved back is not lost', async () => {
  const table = await aTable();
  const { members, messageGroupId } = await aPair(table);
  const [ann, ben] = members;
  await setSummary(table, ben.id, messageGroupId, { lastSequence: 9 });
  let isSent = false;
  const racing: Table = {
    ...table,
    call: async (operation, input, limits) => {
      if (operation === 'UpdateItem' && !isSent) {
        isSent = true;
        await sendAs(table, members, ann, 'two');
        const [message, profile] = [
          await getMessage(table, messageGroupId, 2),
          await getProfile(table, messageGroupId),
        ];
        if (!message || !profile) throw new Error('The message is not there');
        // The record of the message comes, and the summary is ahead of it.
        await advanceSummary(table, ben.id, profile, message, undefined);
      }
      return table.call(operation, input, limits);
    },
  } as Table;

  await auditTable(racing, { repair: true }, () => {});

  expect(await getSummary(table, ben.id, messageGroupId)).toMatchObject({ lastSequence: 2 });
});

test('a log without a profile is reported, though a part ends among its sent-before records', async () => {
  const table = await aTable();
  const { messageGroupId, members } = await aPair(table);
  await table.client.send(new DeleteCommand({ TableName: table.name, Key: profileKey(messageGroupId) }));
  const record = { messageId: message(1).id, sequence: 1, bodyHash: 'hash', expiresAt: 2_000_000_000 };
  for (let first = 0; first < 1_000; first += 25)
    await table.client.send(
      new BatchWriteCommand({
        RequestItems: {
          [table.name]: Array.from({ length: 25 }, (_, index) => ({
            PutRequest: { Item: { ...sentBeforeKey(messageGroupId, members[0].id, `${first + index}`), ...record } },
          })),
        },
      }),
    );

  const { findings } = await rebuildAll(table);

  expect(findings.filter(({ kind }) => kind === 'orphan log')).toEqual([{ kind: 'orphan log', messageGroupId }]);
}, 60_000);

test('a summary that others move forward all the time is repaired', async () => {
  const table = await aTable();
  const { members, messageGroupId } = await aGroupThatWentOn(table);
  const [ann, ben] = members;
  let sequence = 3;
  let repairs = 0;
  const busy: Table = {
    ...table,
    call: async (operation, input, limits) => {
      // A message and its record come between any two calls of a repair.
      if (operation === 'Query' || operation === 'UpdateItem') {
        sequence += 1;
        await putMessages(table, messageGroupId, ann, sequence, sequence);
        const message = await getMessage(table, messageGroupId, sequence);
        const profile = await getProfile(table, messageGroupId);
        if (!message || !profile) throw new Error('The message is not there');
        for (const { id } of members) await advanceSummary(table, id, profile, message, undefined);
        repairs += 1;
      }
      return table.call(operation, input, limits);
    },
  } as Table;

  const findings: Finding[] = [];
  await auditTable(busy, { repair: true }, (found) => findings.push(...found));

  expect(findings).toEqual([]);
  expect(repairs).toBeLessThan(30);
  expect((await getSummary(table, ben.id, messageGroupId))?.readSequence).toBe(2);
}, 60_000);

test('a summary as an older version wrote it is right', async () => {
  const table = await aTable();
  const members = users(12) as [User, ...User[]];
  const messageGroupId = groupIdOf(members);
  const body = 'long '.repeat(200).trim();
  await sendAs(table, members, members[0], body);
  const { lastMessage } = (await getSummary(table, members[1]?.id ?? '', messageGroupId)) ?? {};
  await setSummary(table, members[1]?.id ?? '', messageGroupId, {
    memberIds: members.map(({ id }) => id).sort(),
    lastMessage: { ...lastMessage, body, clientMessageId: 'as the sender’s' },
  });

  expect(await rebuildAll(table)).toEqual({ groups: 1, repaired: 0, findings: [] });
});

test('a rebuild while people write and read loses nothing that they did', async () => {
  const table = await aTable();
  const { members, messageGroupId } = await aGroupThatWentOn(table);
  const [ann, ben, cyd] = members;
  let rebuilding = true;
  const busy = (async () => {
    let sequence = 3;
    while (rebuilding) {
      sequence = await sendAs(table, members, ann, 'more');
      await advanceReadSequence(table, cyd.id, messageGroupId, sequence - 1);
    }
    return sequence;
  })();

  for (let count = 0; count < 20; count += 1) await rebuildAll(table);
  rebuilding = false;
  const newest = await busy;
  await rebuildAll(table);

  expect((await summaries(table, 'verify')).code).toBe(0);
  expect(await getSummary(table, cyd.id, messageGroupId)).toMatchObject({
    lastSequence: newest,
    readSequence: newest - 1,
  });
  expect(await getSummary(table, ben.id, messageGroupId)).toMatchObject({ lastSequence: newest, readSequence: 2 });
}, 60_000);

test('a summary that only lags behind is looked at again before it is reported', async () => {
  const table = await aTable();
  const { messageGroupId, members } = await aGroupThatWentOn(table);

  const verifying = summaries(table, 'verify');
  await vi.waitFor(async () => {
    await rebuildAll(table);
    expect((await getSummary(table, members[2].id, messageGroupId))?.lastSequence).toBe(3);
  });

  expect((await verifying).code).toBe(0);
});

/** A message of a made-up log. */
function message(sequence: number) {
  const id = '6c1f2d0a-4b7e-4a53-9d10-2f8e5b7c9a11';
  return { id, sequence, senderId: id, body: 'x', createdAt: '2026-03-01T09:30:00.000Z' };
}

test('a summary has to keep what its owner marked, within the log', () => {
  const newest = storedMessage({ ...message(9), senderId: 'ann' });
  const profile = { id: 'g', kind: 'DIRECT', memberIds: ['ann', 'ben'], createdAt: newest.message.createdAt } as const;
  const facts = { profile, newest, lastSequence: 9, sentUpTo: new Map([['ann', 9]]) };
  const found = (readSequence: number, lastSequence = 9) => ({
    messageGroupId: 'g',
    memberIds: ['ann', 'ben'],
    lastMessage: newest.message,
    lastSequence,
    readSequence,
    activityKey: activityKey(newest.message.createdAt, 'g'),
  });

  expect([0, 5, 9, 12].map((read) => expectedReadSequence(facts, 'ben', found(read)))).toEqual([0, 5, 9, 9]);
  expect([0, 5, 9].map((read) => expectedReadSequence(facts, 'ann', found(read)))).toEqual([9, 9, 9]);
  expect(
    wrongFields({ ...facts, newest: storedMessage(message(9)) }, 'ben', { ...found(3), lastMessage: message(9) }),
  ).toEqual([]);
  expect(
    wrongFields({ ...facts, newest: storedMessage(message(9)) }, 'ben', { ...found(3, 8), lastMessage: message(9) }),
  ).toEqual(['lastSequence']);
});
