import { appendFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, inject } from 'vitest';
import { aSecret, EXPECTED, type Kind, logName, noteSecret } from './folder.ts';

/**
 * Whatever the tests' processes write, and every secret that they are given, is kept until the run is over: then the one is searched
 * for the other, see setup.ts.
 */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Keeps whole lines. */
export function keepLines(kind: Kind, text: string): void {
  if (text !== '') appendFileSync(logFile(kind), text.endsWith('\n') ? text : `${text}\n`);
}

/** Keeps the lines of a process's stream, as they come; but for those that are there to be shown. */
export function keepStream(kind: Kind, stream: NodeJS.ReadableStream, shown?: RegExp): void {
  const file = logFile(kind);
  createInterface({ input: stream }).on('line', (line) => {
    if (!shown?.test(line)) appendFileSync(file, `${line}\n`);
  });
}

/** Keeps what a process complains of, and shows it. */
export function keepErrors(stream: NodeJS.ReadableStream): void {
  keepStream('log', stream);
  stream.on('data', (chunk) => process.stderr.write(chunk));
}

/** The file of this test file's log, for a process that writes it by itself. */
export function logFile(kind: Kind): string {
  return join(inject('logs'), logName(relative(ROOT, expect.getState().testPath ?? 'unknown'), kind));
}

/** Tells that this test file's log has a line at least. */
export function expectLines(): void {
  appendFileSync(`${logFile('log')}${EXPECTED}`, '');
}

/** Keeps what no log may hold. */
export function keepSecret(what: string, value: string): void {
  noteSecret(inject('logs'), { what, value });
}

/** Credentials of AWS for a process. The tests' engines take any, and none of them may be in a log. */
export function awsCredentials(): NodeJS.ProcessEnv {
  const logs = inject('logs');
  return {
    AWS_ACCESS_KEY_ID: 'AKIATEST',
    AWS_SECRET_ACCESS_KEY: aSecret(logs, 'a secret key of AWS'),
    AWS_SESSION_TOKEN: aSecret(logs, 'a session token of AWS'),
  };
}
