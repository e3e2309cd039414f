import { randomBytes } from 'node:crypto';
import { expect, inject, test } from 'vitest';
import { runCli, runCommand } from '../support/command-line.ts';

const target = () => ({ DATABASE_URL: inject('databaseUrl') });

const aHandle = () => `U_${randomBytes(8).toString('hex')}`;

test('a person is added and listed', async () => {
  const handle = aHandle();

  const added = await runCli(target(), 'users', 'add', handle, '--name', "Zoë O'Hara", '--email', 'zoe@example.com');
  const after = handle.slice(0, -1);
  const text = await runCli(target(), 'users', 'list', '--after', after, '--limit', '1');
  const json = await runCommand(target(), 'users', 'list', '--after', after, '--limit', '1', '--json');

  expect(added).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringMatching(`^${handle} added: [0-9a-f-]{36}\n$`),
  });
  expect(text.stdout).toMatch(/^ID +HANDLE +DISPLAY NAME +EMAIL +SUBJECT\n/);
  expect(text.stdout).toMatch(new RegExp(`[0-9a-f-]{36} +${handle} +Zoë O'Hara +zoe@example\\.com\n$`));
  expect(JSON.parse(json.stdout)).toEqual([
    { id: expect.any(String), handle, displayName: "Zoë O'Hara", email: 'zoe@example.com', subject: null },
  ]);
});

test.each([
  ['a handle that differs in case alone', (handle: string) => [handle.toLowerCase()], 'The handle is taken.'],
  ['a handle with a space', () => ['a b'], 'A handle is 1 to 30 letters, digits and underscores.'],
  ['SQL for a handle', () => ["x'); DROP TABLE users; --"], 'A handle is 1 to 30 letters, digits and underscores.'],
  ['an empty name', () => [aHandle(), '--name', ''], 'A display name has 1 to 100 characters.'],
  ['an email address that is none', () => [aHandle(), '--email', 'x'], 'An email address has 3 to 254 characters.'],
])('%s is refused with a sentence', async (_, argumentsOf, sentence) => {
  const handle = aHandle();
  const usual = ['--name', 'Zoë', '--email', 'zoe@example.com'];
  await runCommand(target(), 'users', 'add', handle, ...usual);

  const refused = await runCommand(target(), 'users', 'add', ...usual, ...argumentsOf(handle));

  expect(refused).toEqual({ code: 1, stdout: '', stderr: `${sentence}\n` });
});
