import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPostgres } from '../../src/local/postgres.ts';
import { runCli, runCommand } from '../support/command-line.ts';

/** A database of this file's own: on the server that is given, or else the only one of an embedded engine. */
let url: URL;
let stop = async () => {};
const given = process.env['TEST_DATABASE_URL'];

beforeAll(async () => {
  if (given) {
    url = new URL(given);
    url.pathname = `/cruddur_cli_${process.pid}`;
    stop = async () => {
      await runCommand(target(), 'db', 'drop');
    };
  } else {
    const embedded = await startPostgres(0);
    url = new URL(embedded.url);
    stop = embedded.stop;
  }
});
afterAll(() => stop());

const target = () => ({ DATABASE_URL: url.href });

/** The same database by an address that does not say that it is on this machine. */
function elsewhere(): NodeJS.ProcessEnv {
  const address = new URL(url);
  address.hostname = '0.0.0.0';
  return { DATABASE_URL: address.href };
}

/** How many people there are; undefined when there is no such table, or no such database. */
async function people(): Promise<number | undefined> {
  const client = new pg.Client({ connectionString: url.href });
  try {
    await client.connect();
    return Number((await client.query('SELECT count(*) FROM users')).rows[0].count);
  } catch {
    return undefined;
  } finally {
    await client.end().catch(() => {});
  }
}

test('a database is created, filled, set up anew and dropped', async () => {
  const name = url.pathname.slice(1);

  const created = await runCli(target(), 'db', 'create');
  const createdAgain = await runCommand(target(), 'db', 'create');
  const loaded = await runCli(target(), 'db', 'schema-load');
  const empty = await people();
  const seeded = await runCli(target(), 'db', 'seed');
  const seededAgain = await runCommand(target(), 'db', 'seed');
  const setUp = await runCli(target(), 'db', 'setup');
  const filled = await people();
  const dropped = await runCli(target(), 'db', 'drop');
  const droppedAgain = await runCommand(target(), 'db', 'drop');

  expect(created).toEqual({ code: 0, stdout: `${name}: ${given ? 'created' : 'is there'}\n`, stderr: '' });
  expect(createdAgain.stdout).toBe(`${name}: is there\n`);
  expect(loaded).toEqual({ code: 0, stdout: 'users: is there\n', stderr: '' });
  expect(empty).toBe(0);
  expect(seeded).toEqual({ code: 0, stdout: '8 people added.\n', stderr: '' });
  expect(seededAgain.stdout).toBe('0 people added.\n');
  expect(setUp).toEqual({
    code: 0,
    stdout: `${name}: dropped\n${name}: ${given ? 'created' : 'is there'}\nusers: is there\n8 people added.\n`,
    stderr: '',
  });
  expect(filled).toBe(8);
  expect(dropped).toEqual({ code: 0, stdout: `${name}: dropped\n`, stderr: '' });
  expect(droppedAgain.stdout).toBe(`${name}: is not there\n`);
  expect(await people()).toBeUndefined();
});

test('what destroys or fills in refuses a database that may be elsewhere, and leaves everything', async () => {
  const name = url.pathname.slice(1);
  await runCommand(target(), 'db', 'setup');

  const refused = await Promise.all([
    runCli(elsewhere(), 'db', 'drop'),
    runCommand(elsewhere(), 'db', 'setup'),
    runCommand(elsewhere(), 'db', 'seed'),
    runCommand(elsewhere(), 'db', 'drop', '--yes', 'production'),
    runCommand({ DATABASE_URL: `${url.href}?host=0.0.0.0` }, 'db', 'drop'),
  ]);
  const kept = await people();
  const confirmed = await runCommand(elsewhere(), 'db', 'drop', '--yes', name);

  for (const { code, stdout, stderr } of refused) {
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('Nothing was done.');
  }
  expect(kept).toBe(8);
  expect(confirmed.code).toBe(0);
  expect(await people()).toBeUndefined();
});

test('who is connected is listed', async () => {
  await runCommand(target(), 'db', 'setup');

  const text = await runCli(target(), 'db', 'sessions');
  const json = await runCommand(target(), 'db', 'sessions', '--json');

  expect(text).toMatchObject({ code: 0, stderr: '' });
  expect(text.stdout).toMatch(/^PID +USER +APPLICATION +CLIENT +STATE +SINCE\n\d+ /);
  expect(JSON.parse(json.stdout)).toEqual([expect.objectContaining({ pid: expect.any(Number), state: 'active' })]);
});

test('psql is opened with the address, but for the password, which others could see', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cruddur-psql-'));
  const psql = join(folder, 'psql');
  await writeFile(psql, '#!/bin/sh\necho "$PGPASSWORD" "$@"\nexit 0\n');
  await chmod(psql, 0o755);
  const DATABASE_URL = 'postgres://app:s%40fe@db.example.com:6543/people';

  const opened = await runCli({ DATABASE_URL, PATH: `${folder}:/bin` }, 'db', 'connect', '--', '-c', 'SELECT 1');
  const missing = await runCommand({ DATABASE_URL, PATH: '/nowhere' }, 'db', 'connect');
  await rm(folder, { recursive: true });

  expect(opened).toEqual({
    code: 0,
    stdout: 's@fe --dbname postgres://app@db.example.com:6543/people -c SELECT 1\n',
    stderr: '',
  });
  expect(missing).toEqual({
    code: 1,
    stdout: '',
    stderr:
      "psql can't be run: install PostgreSQL's client, or use another one with postgres://app@db.example.com:6543/people\n",
  });
});

test('an engine that does not answer ends in a sentence', async () => {
  const { code, stdout, stderr } = await runCommand({ DATABASE_URL: 'postgres://u@127.0.0.1:1/x' }, 'db', 'create');

  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/ECONNREFUSED/);
});
