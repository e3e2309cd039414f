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
  // No worker runs here, so the summaries stay behind.
  await sendAs(table, members, members[0], 'two');

  const differing = await runCli(targetOf(table), 'summaries', 'verify');
  const rebuilt = await runCli(targetOf(table), 'summaries', 'rebuild');
  const right = await runCli(targetOf(table), 'summaries', 'verify');

  expect(differing).toMatchObject({ code: 1, stderr: '' });
  expect(differing.stdout).toContain(`user ${members[1].id} group ${groupIdOf(members)}: lastMessage is`);
  expect(differing.stdout).toContain('2 summaries differ: "summaries rebuild" mends them.\n');
  expect(rebuilt).toEqual({ code: 0, stdout: '2 summaries mended, 0 left.\n', stderr: '' });
  expect(right).toEqual({ code: 0, stdout: 'All summaries are as the logs say.\n', stderr: '' });
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
