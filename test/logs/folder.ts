import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Secret } from './search.ts';

/** How things lie in the folder of logs, which the tests fill and the end of the run searches. */

/** The lines of a log; or what a command was asked for, where people's messages may be. */
export type Kind = 'log' | 'output';

/** Ends the names of files that hold secrets, and of those that say that a log has to be there. */
export const SECRETS = '.secrets';
export const EXPECTED = '.expected';

/** The name of a test file's log: the file's path, which has no ~ in it. */
export function logName(testFile: string, kind: Kind): string {
  return `${testFile.replaceAll('/', '~')}.${kind}`;
}

/** A log's name as it is told: its test file and its kind. */
export function toldName(name: string): string {
  return name.replaceAll('~', '/').replace(/\.(log|output)$/, ' ($1)');
}

/** Notes what no log may hold. */
export function noteSecret(folder: string, secret: Secret): void {
  // A file for each process: what several append could be mixed.
  appendFileSync(join(folder, `${process.pid}${SECRETS}`), `${JSON.stringify(secret)}\n`);
}

/** Something to be found where it must not be, as nobody guesses it. */
export function aSecret(folder: string, what: string): string {
  const value = randomBytes(18).toString('base64url');
  noteSecret(folder, { what, value });
  return value;
}
