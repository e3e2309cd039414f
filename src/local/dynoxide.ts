import { access, constants } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import pRetry from 'p-retry';
import { LOOPBACK } from './addresses.ts';
import { type Child, startChild } from './children.ts';
import { LocalStackError } from './errors.ts';
import type { LocalFolder } from './folder.ts';

const require = createRequire(import.meta.url);

/**
 * The path of Dynoxide's binary: that of the optional npm package, or else one on the PATH.
 *
 * @throws LocalStackError when there is neither
 */
export async function findDynoxide(path: string): Promise<string> {
  const candidates = [
    ...packaged(),
    ...path
      .split(delimiter)
      .filter(Boolean)
      .map((folder) => join(folder, 'dynoxide')),
  ];
  for (const candidate of candidates) {
    if (await isExecutable(candidate)) return candidate;
  }
  throw new LocalStackError(
    `There is no Dynoxide for ${process.platform}-${process.arch} among the npm packages and no "dynoxide" on the PATH: start DynamoDB Local (docker compose up dynamodb) and set DYNAMODB_ENDPOINT=http://127.0.0.1:8000.`,
  );
}

function packaged(): string[] {
  try {
    return [join(require.resolve(`@dynoxide/${process.platform}-${process.arch}/package.json`), '..', 'dynoxide')];
  } catch {
    return [];
  }
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts Dynoxide on a file in the stack's folder. */
export async function startDynoxide(folder: LocalFolder, port: number, environment: NodeJS.ProcessEnv): Promise<Child> {
  const file = join(folder.path, 'dynamodb.sqlite');
  return startChild(folder, {
    name: 'DynamoDB engine',
    command: await findDynoxide(environment['PATH'] ?? ''),
    args: ['--host', LOOPBACK, '--port', String(port), '--db-path', file],
    environment,
    mark: file,
  });
}

/**
 * Waits until the engine listens.
 *
 * @throws LocalStackError when it ends instead
 */
export async function untilListening({ process: child, ended }: Child, port: number): Promise<void> {
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-500);
  });
  let isEnded = false;
  void ended.then(() => {
    isEnded = true;
  });
  try {
    await pRetry(() => fetch(`http://${LOOPBACK}:${port}`), {
      retries: 200,
      minTimeout: 25,
      factor: 1,
      shouldRetry: () => !isEnded,
    });
  } catch {
    throw new LocalStackError(
      `The DynamoDB engine did not start (${said.trim()}): delete the stack's folder to start anew.`,
    );
  }
}
