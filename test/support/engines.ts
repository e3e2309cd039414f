import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { buildBundles, type StartSize } from '../../deploy/bundles.ts';
import { findDynoxide } from '../../src/local/dynoxide.ts';
import { startPostgres } from '../../src/local/postgres.ts';
import { aSecret, noteSecret } from '../logs/folder.ts';

/** Starts the parts that all tests share: Postgres, given by address or else embedded and in memory, and the bundles. */
export default async function startEngines(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'cruddur-dist-'));
  const [postgres, sizes] = await Promise.all([
    postgresEngine(process.env['TEST_DATABASE_URL'], project.getProvidedContext().logs),
    buildBundles(folder),
  ]);
  project.provide('databaseUrl', postgres.url);
  project.provide('bundles', { folder, sizes });
  return async () => {
    await Promise.all([postgres.stop(), rm(folder, { recursive: true, force: true })]);
  };
}

declare module 'vitest' {
  interface ProvidedContext {
    databaseUrl: string;
    /** Where the bundles are, and what each start of theirs loads. */
    bundles: { readonly folder: string; readonly sizes: readonly StartSize[] };
  }
}

const SCHEMA = new URL('../../db/schema.sql', import.meta.url);

/** The engine at the address given, or else an embedded one in memory. */
export async function dynamodbEngine(given: string | undefined) {
  if (given) return { endpoint: given, stop: async () => {} };
  const port = await freePort();
  const child = spawn(await findDynoxide(process.env['PATH'] ?? ''), ['--port', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  // It says when it listens.
  await once(child.stderr, 'data');
  child.stderr.resume();
  return {
    endpoint: `http://127.0.0.1:${port}`,
    stop: async () => {
      child.kill();
      await once(child, 'exit');
    },
  };
}

/** On a given server the tests have a schema of their own, which goes when they do. */
async function postgresEngine(given: string | undefined, logs: string) {
  if (!given) {
    const embedded = await startPostgres(0);
    await run(embedded.url, await readFile(SCHEMA, 'utf8'));
    // It asks nobody for a password: this one is there to be found where it must not be.
    const address = new URL(embedded.url);
    address.password = aSecret(logs, 'the directory’s password');
    return { ...embedded, url: address.href };
  }
  const { password } = new URL(given);
  if (password) noteSecret(logs, { what: 'the directory’s password', value: decodeURIComponent(password) });
  const schema = `cruddur_test_${process.pid}`;
  await run(given, `CREATE SCHEMA ${schema}`);
  const url = new URL(given);
  url.searchParams.set('options', `-csearch_path=${schema}`);
  await run(url.href, await readFile(SCHEMA, 'utf8'));
  return { url: url.href, stop: () => run(given, `DROP SCHEMA ${schema} CASCADE`) };
}

async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No port');
  return address.port;
}
