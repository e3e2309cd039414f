import { expect, test } from 'vitest';
import type { User } from '../src/model.ts';
import { getSummary } from '../src/table/summaries.ts';
import { runCli, targetOf } from './support/command-line.ts';
import { groupIdOf, sendAs, users } from './support/groups.ts';
import { aTable } from './support/table.ts';
import { useCheckpoints } from './support/worker.ts';

test('summaries are verified, found to differ, rebuilt, and found to be right', async () => {
  const table = await aTable();
  const members = users(2) as [User, User];
  await sendAs(table, members, members[0], 'one');
  // No worker runs here, so the reader's summary stays behind.
  await sendAs(table, members, members[0], 'two');

  const differing = await runCli(targetOf(table), 'summaries', 'verify');
  const rebuilt = await runCli(targetOf(table), 'summaries', 'rebuild');
  const right = await runCli(targetOf(table), 'summaries', 'verify');

  expect(differing.code).toBe(1);
  expect(differing.stdout).toContain(`wrong summary: user ${members[1].id} group ${groupIdOf(members)}: lastMessage`);
  const counts = (wrong: number) =>
    `wrong summaries: ${wrong}, orphans: 0, orphan logs: 0, gaps in logs: 0, unreadable items: 0, groups that failed: 0\n`;
  expect(differing.stdout).toContain(`message groups: 1, ${counts(1)}`);
  expect(differing.stderr).toContain('"summaries rebuild" repairs');
  expect(rebuilt).toEqual({ code: 0, stdout: `message groups: 1, repaired summaries: 1, ${counts(0)}`, stderr: '' });
  expect(right).toEqual({ code: 0, stdout: `message groups: 1, ${counts(0)}`, stderr: '' });
  expect(await getSummary(table, members[1].id, groupIdOf(members))).toMatchObject({ lastSequence: 2 });
});

test('dead letters are listed and replayed', async () => {
  const table = await aTable();
  await useCheckpoints(table);

  const [list, json, replay] = await Promise.all([
    runCli(targetOf(table), 'dead-letters', 'list'),
    runCli(targetOf(table), 'dead-letters', 'list', '--json'),
    runCli(targetOf(table), 'dead-letters', 'replay'),
  ]);

  expect(list).toMatchObject({ code: 0, stdout: expect.stringMatching(/\n0 dead letters\.\n$/), stderr: '' });
  expect(json).toEqual({ code: 0, stdout: '[]\n', stderr: '' });
  expect(replay).toEqual({ code: 0, stdout: '0 dead letters replayed, 0 left.\n', stderr: '' });
});
