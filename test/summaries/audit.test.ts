import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { expect, test, vi } from 'vitest';
import type { User } from '../../src/model.ts';
import { expectedSummary, wrongFields } from '../../src/summaries/audit.ts';
import { rebuildSummaries } from '../../src/summaries/rebuild.ts';
import { type Summary, summaryItem } from '../../src/table/items.ts';
import { summaryKey } from '../../src/table/keys.ts';
import { advanceReadSequence, getSummary, replaceSummary } from '../../src/table/summaries.ts';
import type { Table } from '../../src/table/table.ts';
import { runCommand, targetOf } from '../support/command-line.ts';
import { groupIdOf, sendAs, users } from '../support/groups.ts';
import { aTable } from '../support/table.ts';

/** A group whose log went on after its summaries were written: no worker runs here. */
async function aGroupThatWentOn(table: Table) {
  const members = users(3) as [User, User, User];
  const [ann, ben] = members;
  await sendAs(table, members, ann, 'one');
  await sendAs(table, members, ben, 'two');
  await sendAs(table, members, ann, 'three');
  return { members, messageGroupId: groupIdOf(members) };
}

async function verify(table: Table): Promise<{ code: number; lines: string[] }> {
  const { code, stdout } = await runCommand(targetOf(table), 'summaries', 'verify');
  return { code, lines: stdout.trimEnd().split('\n') };
}

async function change(table: Table, userId: string, messageGroupId: string, edit: (summary: Summary) => Summary) {
  const summary = await getSummary(table, userId, messageGroupId);
  if (!summary) throw new Error('A member has a summary');
  await replaceSummary(table, userId, edit(summary), summary);
}

test('summaries that are as the logs say are no difference, whatever their readers marked', async () => {
  const table = await aTable();
  const members = users(2) as [User, User];
  await sendAs(table, members, members[0], 'one');
  await advanceReadSequence(table, members[1].id, groupIdOf(members), 1);

  expect(await verify(table)).toEqual({ code: 0, lines: ['All summaries are as the logs say.'] });
});

test('a rebuild brings summaries that are behind to what the logs say', async () => {
  const table = await aTable();
  const { members, messageGroupId } = await aGroupThatWentOn(table);

  const before = await verify(table);
  const { mended, left } = await rebuildSummaries(table);
  const after = await verify(table);

  expect(before.code).toBe(1);
  expect(before.lines).toHaveLength(4);
  expect({ mended, left }).toEqual({ mended: 3, left: [] });
  expect(after.code).toBe(0);
  const summaries = await Promise.all(members.map(({ id }) => getSummary(table, id, messageGroupId)));
  expect(summaries.map((summary) => [summary?.lastSequence, summary?.readSequence])).toEqual([
    [3, 3],
    [3, 2],
    [3, 0],
  ]);
}, 60_000);

test.each<[string, (summary: Summary) => Summary]>([
  ['is ahead of the log', (summary) => ({ ...summary, lastSequence: 99 })],
  ['has read what was never written', (summary) => ({ ...summary, readSequence: 99 })],
  ['has another last message', (summary) => ({ ...summary, lastMessage: { ...summary.lastMessage, body: 'forged' } })],
  [
    'has other members',
    (summary) => ({ ...summary, memberIds: summary.memberIds.slice(1).concat(users(1).map(({ id }) => id)) }),
  ],
])('a summary that %s is found and mended', async (_, edit) => {
  const table = await aTable();
  const members = users(2) as [User, User];
  const messageGroupId = groupIdOf(members);
  await sendAs(table, members, members[0], 'one');
  const right = await getSummary(table, members[0].id, messageGroupId);
  await change(table, members[0].id, messageGroupId, edit);

  const { mended } = await rebuildSummaries(table);

  expect(mended).toBe(1);
  expect(await getSummary(table, members[0].id, messageGroupId)).toEqual(right);
});

test('a summary that is missing is made, and one of no group is reported and left', async () => {
  const table = await aTable();
  const members = users(2) as [User, User];
  const messageGroupId = groupIdOf(members);
  await sendAs(table, members, members[0], 'one');
  const summary = await getSummary(table, members[1].id, messageGroupId);
  if (!summary) throw new Error('A member has a summary');
  await table.client.send(new DeleteCommand({ TableName: table.name, Key: summaryKey(members[1].id, messageGroupId) }));
  const [stranger] = users(1) as [User];
  await table.client.send(new PutCommand({ TableName: table.name, Item: summaryItem(stranger.id, summary) }));

  const { code, stdout } = await runCommand(targetOf(table), 'summaries', 'rebuild');

  expect(code).toBe(1);
  expect(stdout.trimEnd().split('\n')).toEqual([
    `not mended: user ${stranger.id} group ${messageGroupId}: orphan`,
    '1 summaries mended, 1 left.',
  ]);
  expect(await getSummary(table, members[1].id, messageGroupId)).toEqual(summary);
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

  for (let count = 0; count < 20; count += 1) await rebuildSummaries(table);
  rebuilding = false;
  const newest = await busy;
  await rebuildSummaries(table);

  expect((await verify(table)).code).toBe(0);
  expect(await getSummary(table, cyd.id, messageGroupId)).toMatchObject({
    lastSequence: newest,
    readSequence: newest - 1,
  });
  expect(await getSummary(table, ben.id, messageGroupId)).toMatchObject({ lastSequence: newest, readSequence: 2 });
}, 60_000);

test('a summary that only lags behind is looked at again before it is reported', async () => {
  const table = await aTable();
  const { messageGroupId, members } = await aGroupThatWentOn(table);

  const verifying = verify(table);
  await vi.waitFor(async () => {
    await rebuildSummaries(table);
    expect((await getSummary(table, members[2].id, messageGroupId))?.lastSequence).toBe(3);
  });

  expect((await verifying).code).toBe(0);
});

test('what a summary has to be leaves what its owner marked, within what there is', () => {
  const newest = { id: 'm', sequence: 9, senderId: 'ann', body: 'x', createdAt: '2026-03-01T09:30:00.000Z' };
  const profile = { id: 'g', kind: 'DIRECT', memberIds: ['ann', 'ben'], createdAt: newest.createdAt } as const;
  const facts = { profile, newest, sentUpTo: new Map([['ann', 9]]) };
  const found = (readSequence: number): Summary => ({
    messageGroupId: 'g',
    memberIds: ['ann', 'ben'],
    lastMessage: newest,
    lastSequence: 9,
    readSequence,
  });

  expect([0, 5, 9, 12].map((read) => expectedSummary(facts, 'ben', found(read)).readSequence)).toEqual([0, 5, 9, 9]);
  expect([0, 5, 9].map((read) => expectedSummary(facts, 'ann', found(read)).readSequence)).toEqual([9, 9, 9]);
  expect(wrongFields(found(3), expectedSummary(facts, 'ben', found(3)))).toEqual([]);
  expect(wrongFields({ ...found(3), lastSequence: 8 }, expectedSummary(facts, 'ben', found(3)))).toEqual([
    'lastSequence',
  ]);
});
