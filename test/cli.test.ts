import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, inject, test } from 'vitest';
import type { User } from '../src/model.ts';
import { getSummary } from '../src/table/summaries.ts';
import type { Table } from '../src/table/table.ts';
import { groupIdOf, sendAs, users } from './support/groups.ts';
import { aTable } from './support/table.ts';
import { useCheckpoints } from './support/worker.ts';

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url));

/** Runs a command of the command line on a table. */
function cli(table: Table, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, DYNAMODB_ENDPOINT: inject('dynamodbEndpoint'), DYNAMODB_TABLE: table.name };
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', CLI, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

test('summaries are verified, found to differ, rebuilt, and found to be right', async () => {
  const table = await aTable();
  const members = users(2) as [User, User];
  await sendAs(table, members, members[0], 'one');
  // No worker runs here, so the summaries stay behind.
  await sendAs(table, members, members[0], 'two');

  const differing = await cli(table, 'summaries', 'verify');
  const rebuilt = await cli(table, 'summaries', 'rebuild');
  const right = await cli(table, 'summaries', 'verify');

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
    cli(table, 'dead-letters', 'list'),
    cli(table, 'dead-letters', 'list', '--json'),
    cli(table, 'dead-letters', 'replay'),
  ]);

  expect(list).toEqual({ code: 0, stdout: '0 dead letters.\n', stderr: '' });
  expect(json).toEqual({ code: 0, stdout: '[]\n', stderr: '' });
  expect(replay).toEqual({ code: 0, stdout: '0 dead letters replayed, 0 left.\n', stderr: '' });
});
