import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { inject } from 'vitest';
import { createProgram } from '../../src/commands/program.ts';
import { openTerminal } from '../../src/commands/terminal.ts';
import { localToken } from '../../src/local/token.ts';
import type { Table } from '../../src/table/table.ts';
import { keepLines } from '../logs/collect.ts';
import { dynamodbEndpoint } from './dynamodb.ts';
import { testRegion } from './table.ts';

/** How a command ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The environment in which commands work on a test's engines: the table, and the directory that all tests share. */
export function targetOf({ name }: Pick<Table, 'name'>): NodeJS.ProcessEnv {
  return {
    AWS_REGION: testRegion(),
    DYNAMODB_ENDPOINT: dynamodbEndpoint(),
    DYNAMODB_TABLE: name,
    DATABASE_URL: inject('databaseUrl'),
  };
}

/** Runs the real command line, as a process of its own, from its bundle. */
export function runCli(environment: NodeJS.ProcessEnv, ...args: string[]): Promise<Ended> {
  const { PATH, HOME } = process.env;
  return new Promise((resolve) => {
    const options = { env: { PATH, HOME, ...environment } };
    execFile(
      process.execPath,
      [join(inject('bundles').folder, 'app/cli.js'), ...args],
      options,
      (error, stdout, stderr) => {
        resolve(kept({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }));
      },
    );
  });
}

/** Runs a command in this process: the same program without the start of a process, where many are needed. */
export async function runCommand(environment: NodeJS.ProcessEnv, ...args: string[]): Promise<Ended> {
  const ended = { code: 0, stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') =>
    ({
      isTTY: false,
      write: (text: string) => {
        ended[name] += text;
        return true;
      },
    }) as NodeJS.WriteStream;
  const operator = {
    environment,
    terminal: openTerminal(stream('stdout'), stream('stderr')),
    foundWrong: () => {
      ended.code = 1;
    },
  };
  try {
    await createProgram(operator, localToken).parseAsync(args, { from: 'user' });
  } catch (error) {
    ended.code = 1;
    ended.stderr += `${(error as Error).message}\n`;
  }
  return kept(ended);
}

/** What a command shows may have messages in it, and nothing that lets anybody in. */
function kept(ended: Ended): Ended {
  keepLines('output', ended.stdout);
  keepLines('output', ended.stderr);
  return ended;
}
