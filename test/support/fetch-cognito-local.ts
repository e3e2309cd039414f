import { execFile } from 'node:child_process';
import { access, rename, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

const PACKAGE = 'cognito-local@5.3.0';
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url));

const OPTIONS = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
const PATIENCE_MS = 180_000;

/** Fetches cognito-local, unless it was before. */
export default async function fetchCognitoLocal(project: TestProject): Promise<void> {
  const folder = `${CACHE}${PACKAGE}`;
  if (!(await exists(folder))) {
    // A fetch that is cut short leaves nothing behind that looks whole.
    const unfinished = `${folder}.${process.pid}`;
    try {
      await promisify(execFile)('npm', ['install', '--prefix', unfinished, ...OPTIONS, PACKAGE], {
        timeout: PATIENCE_MS,
      });
      await rename(unfinished, folder);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }
  project.provide('cognitoLocal', `${folder}/node_modules/cognito-local/lib/bin/start.js`);
}

declare module 'vitest' {
  interface ProvidedContext {
    /** The script that starts cognito-local; in `npm run test:cognito` alone. */
    cognitoLocal: string;
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
