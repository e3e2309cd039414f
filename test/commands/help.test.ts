import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { createProgram } from '../../src/commands/program.ts';
import { openTerminal } from '../../src/commands/terminal.ts';
import { runCli } from '../support/command-line.ts';

function helpOf(command: Command): string[] {
  command.configureOutput({ getOutHelpWidth: () => 100 });
  const own = command.helpInformation();
  return [own, ...command.commands.flatMap(helpOf)];
}

test('each command says what it does and what it takes', async () => {
  const operator = {
    environment: {},
    terminal: openTerminal(process.stdout, process.stderr),
    foundWrong: () => {},
  };

  const help = helpOf(createProgram(operator, async () => ''));

  await expect(help.join('\n')).toMatchFileSnapshot('help.snapshot.txt');
});

test('--help comes from the command line, and so does the right use after a wrong one', async () => {
  const [help, wrong, unknown] = await Promise.all([
    runCli({}, '--help'),
    runCli({}, 'ddb', 'scan', '--limit', '0'),
    runCli({}, 'ddb', 'explode'),
  ]);

  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toMatch(/^Usage: cli \[options\] \[command\]\n/);
  expect(wrong).toMatchObject({ code: 1, stdout: '' });
  expect(wrong.stderr).toContain("error: option '--limit <count>' argument '0' is invalid.");
  expect(wrong.stderr).toContain('Usage: cli ddb scan [options]');
  expect(unknown.stderr).toContain("error: unknown command 'explode'");
});
