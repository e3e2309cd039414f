import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDirectory } from '../../src/users/directory.ts';
import { openPool } from '../../src/users/pool.ts';
import { peopleSearch } from '../../src/users/search.ts';
import { findSubject } from '../../src/users/subjects.ts';
import { runCommand } from '../support/command-line.ts';

const given = process.env['TEST_DATABASE_URL'];

/** An ICU locale in which "I" is not the capital of "i". The embedded engine has one locale alone. */
describe.skipIf(!given)('in a Turkish database (needs TEST_DATABASE_URL of Postgres 15 or newer)', () => {
  const url = new URL(given ?? 'postgres://none');
  url.pathname = `/cruddur_tr_${process.pid}`;
  const target = { DATABASE_URL: url.href };
  const onServer = async (sql: string) => {
    const client = new pg.Client({ connectionString: given });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  const add = (handle: string, ...more: string[]) =>
    runCommand(target, 'users', 'add', handle, '--name', handle, '--email', 'a@example.com', ...more);
  let pool: pg.Pool;

  beforeAll(async () => {
    const name = url.pathname.slice(1);
    await onServer(`CREATE DATABASE ${name} LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' TEMPLATE template0`);
    pool = openPool({ url: url.href, poolSize: 1, onIdleError: () => {} });
    // As older versions made it.
    await runCommand(target, 'db', 'schema-load');
    await pool.query('DROP INDEX users_handle_ascii_key');
    await pool.query('CREATE UNIQUE INDEX users_handle_key ON users (lower(handle))');
  });
  afterAll(async () => {
    await pool.end();
    await onServer(`DROP DATABASE ${url.pathname.slice(1)}`);
  });

  test('the locale has another lower case of I', async () => {
    expect((await pool.query("SELECT lower('I') AS lower")).rows).toEqual([{ lower: 'ı' }]);
  });

  test('handles compare by ASCII case alone, once the schema is loaded again', async () => {
    const loaded = await runCommand(target, 'db', 'schema-load');
    const added = await add('BILLI', '--subject', 'subject-1');
    const refused = await add('billi');
    const directory = openDirectory(pool);
    const found = await directory.findByHandles(['billi']);
    const searched = await directory.search(peopleSearch('bil', 10, found[0]?.id ?? ''));
    const byOther = await directory.search(peopleSearch('billi', 10, '00000000-0000-0000-0000-000000000000'));
    const listed = await runCommand(target, 'users', 'list', '--after', 'billh', '--json');

    expect(loaded.code).toBe(0);
    expect(added.code).toBe(0);
    expect(refused).toEqual({ code: 1, stdout: '', stderr: 'The handle is taken.\n' });
    expect(found.map(({ handle }) => handle)).toEqual(['BILLI']);
    expect(searched).toEqual([]);
    expect(byOther.map(({ handle }) => handle)).toEqual(['BILLI']);
    expect(await findSubject(pool, 'billi')).toBe('subject-1');
    expect(JSON.parse(listed.stdout)).toMatchObject([{ handle: 'BILLI' }]);
  });
});

describe.skipIf(!given)('a database of an older version (needs TEST_DATABASE_URL)', () => {
  test('gets the new index of handles by schema-load, and loses the old one; doing it again changes nothing', async () => {
    const url = new URL(given ?? 'postgres://none');
    url.pathname = `/cruddur_old_${process.pid}`;
    const target = { DATABASE_URL: url.href };
    await runCommand(target, 'db', 'create');
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    const indexes = async () =>
      (await client.query("SELECT indexname FROM pg_indexes WHERE tablename = 'users' ORDER BY 1")).rows.map(
        ({ indexname }) => indexname,
      );
    try {
      await runCommand(target, 'db', 'schema-load');
      const fresh = await indexes();
      await client.query('DROP INDEX users_handle_ascii_key, users_display_name_words');
      await client.query('CREATE UNIQUE INDEX users_handle_key ON users (lower(handle))');

      const loaded = [await runCommand(target, 'db', 'schema-load'), await runCommand(target, 'db', 'schema-load')];

      expect(loaded.map(({ code }) => code)).toEqual([0, 0]);
      expect(await indexes()).toEqual(fresh);
      expect(fresh).toEqual([
        'users_cognito_user_id_key',
        'users_display_name_words',
        'users_handle_ascii_key',
        'users_pkey',
      ]);
    } finally {
      await client.end();
      await runCommand(target, 'db', 'drop');
    }
  });
});
