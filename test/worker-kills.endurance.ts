import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type { User } from '../src/model.ts';
import { advanceReadSequence, getSummary } from '../src/table/summaries.ts';
import type { Table } from '../src/table/table.ts';
import { runCommand, targetOf } from './support/command-line.ts';
import { groupIdOf, sendAs, users } from './support/groups.ts';
import { aTable } from './support/table.ts';
import { startWorker, useCheckpoints, type WorkerProcess } from './support/worker.ts';

interface Group {
  readonly members: readonly User[];
  readonly id: string;
  /** What a member has read, by the rules: by marking, and by sending. */
  readonly read: Map<string, number>;
  length: number;
}

/** As many groups of 2 to 5 of these people, each another one. */
function groupsOf(people: readonly User[], count: number): Group[] {
  const groups = new Map<string, Group>();
  while (groups.size < count) {
    const members = people.toSorted(() => randomInt(3) - 1).slice(0, 2 + randomInt(4));
    const id = groupIdOf(members);
    groups.set(id, { members, id, read: new Map(), length: 0 });
  }
  return [...groups.values()];
}

async function unreadOf(table: Table, group: Group): Promise<(number | undefined)[]> {
  const summaries = await Promise.all(
    group.members.map(({ id }) => getSummary(table, id, group.id, { consistent: true })),
  );
  return summaries.map((summary) => summary && Math.max(0, summary.lastSequence - summary.readSequence));
}

function takesTheShard(worker: WorkerProcess): Promise<void> {
  return vi.waitFor(() => expect(worker.log().some(({ msg }) => msg === 'reading a shard')).toBe(true), 20_000);
}

test('20 groups, 8 senders, 2,000 messages, 10 kills: every summary and every unread count is right', async () => {
  const table = await aTable();
  await useCheckpoints(table);
  const people = users(8);
  const groups = groupsOf(people, 20);
  for (const group of groups) group.length = await sendAs(table, group.members, group.members[0] as User, 'first');
  for (const group of groups) group.read.set(group.members[0]?.id ?? '', 1);

  let isSending = true;
  const sending = Promise.all(
    people.map(async (sender) => {
      const own = groups.filter(({ members }) => members.includes(sender));
      for (let count = 0; count < 2000 / people.length; count += 1) {
        const group = own[randomInt(own.length)];
        if (!group) throw new Error('Everybody is in some group');
        const sequence = await sendAs(table, group.members, sender, `${count}`);
        group.length = Math.max(group.length, sequence);
        group.read.set(sender.id, Math.max(group.read.get(sender.id) ?? 0, sequence));
        if (count % 10 === 0) {
          const reader = group.members[randomInt(group.members.length)] as User;
          const mark = 1 + randomInt(sequence);
          await advanceReadSequence(table, reader.id, group.id, mark);
          group.read.set(reader.id, Math.max(group.read.get(reader.id) ?? 0, mark));
        }
      }
    }),
  ).finally(() => {
    isSending = false;
  });
  let kills = 0;
  while (kills < 10 || isSending) {
    const worker = startWorker(table, 1);
    await takesTheShard(worker);
    // Anywhere: while it reads, writes, checkpoints or idles.
    await delay(randomInt(300));
    await worker.kill();
    kills += 1;
  }
  await sending;
  const worker = startWorker(table, 1);
  // All may be done already, and who is not at work yet can't be asked to stop.
  await takesTheShard(worker);

  await vi.waitFor(async () => {
    for (const group of groups) {
      const expected = group.members.map(({ id }) => group.length - (group.read.get(id) ?? 0));
      expect(await unreadOf(table, group)).toEqual(expected);
    }
  }, 30_000);
  expect(await runCommand(targetOf(table), 'summaries', 'verify')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(
      'wrong summaries: 0, orphans: 0, orphan logs: 0, gaps in logs: 0, unreadable items: 0, groups that failed: 0\n',
    ),
  });
  expect(groups.reduce((sum, { length }) => sum + length, 0)).toBe(2020);
  expect(await worker.stop()).toBe(0);
}, 110_000);
