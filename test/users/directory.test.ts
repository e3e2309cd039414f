import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, onTestFinished, test } from 'vitest';
import { UnavailableError } from '../../src/errors.ts';
import { type Directory, openDirectory } from '../../src/users/directory.ts';
import { openPool } from '../../src/users/pool.ts';
import { findSubject } from '../../src/users/subjects.ts';
import { aDirectoryProxy } from '../support/directory-proxy.ts';
import { freePort } from '../support/engines.ts';
import { addPeople, type Person } from '../support/people.ts';

let pool: pg.Pool;
/** Every SQL statement of the directory in a test so far. */
const statements: string[] = [];
let directory: Directory;
let ann: Person;
let ben: Person;

beforeAll(async () => {
  pool = openPool({ url: inject('databaseUrl'), poolSize: 1, onIdleError: () => {} });
  directory = openDirectory(
    poolThat((text, values) => {
      statements.push(text);
      return pool.query(text, values);
    }),
  );
  [ann, ben] = (await addPeople(pool, 2)) as [Person, Person];
});
afterAll(() => pool.end());
beforeEach(() => {
  statements.length = 0;
});

describe('people are found', () => {
  test('by id, in one statement; ids of nobody are left out', async () => {
    const found = await directory.findByIds([ben.id, randomUUID(), ann.id, ann.id]);

    expect(byHandle(found)).toEqual(byHandle([ann, ben].map(userOf)));
    expect(statements).toHaveLength(1);
  });

  test('by handle, in one statement; handles of nobody are left out', async () => {
    const found = await directory.findByHandles([ben.handle, 'nobody_at_all', ann.handle, ann.handle]);

    expect(byHandle(found)).toEqual(byHandle([ann, ben].map(userOf)));
    expect(statements).toHaveLength(1);
  });

  test('by handle without regard to case, and shown with the case that they chose', async () => {
    const handle = `Mixed_${randomUUID().slice(0, 8)}`;
    await insert(handle);

    const found = await directory.findByHandles([handle.toUpperCase()]);
    const again = await directory.findByHandles([handle.toLowerCase(), handle]);

    expect(found).toEqual([expect.objectContaining({ handle })]);
    expect(again).toEqual(found);
  });

  test('by the subject of their tokens', async () => {
    expect(await directory.findBySubject(ann.subject)).toEqual(userOf(ann));
    expect(await directory.findBySubject(randomUUID())).toBeUndefined();
  });

  test('to have the subject of their tokens, by handle without regard to case', async () => {
    expect(await findSubject(pool, ann.handle.toUpperCase())).toBe(ann.subject);
  });

  test('to have no subject while they have not signed up', async () => {
    const handle = `new_${randomUUID().slice(0, 8)}`;
    await insert(handle, { subject: null });

    expect(await findSubject(pool, handle)).toBeUndefined();
    expect(await findSubject(pool, 'nobody_at_all')).toBeUndefined();
  });
});

describe('without any statement, nobody is found', () => {
  test.each([
    ['empty', ''],
    ['of spaces', '   '],
    ['with a space', 'andrew brown'],
    ['with a space at its end', 'bayko '],
    ['with a line break at its end', 'bayko\n'],
    ['of 31 characters', 'a'.repeat(31)],
    ['with a leading @', '@bayko'],
    ['with a letter beyond ASCII', 'zoë'],
    ['whose lower case is another handle', '\u212Aim'],
    ['with NUL', 'bay\0ko'],
    ['with half of a surrogate pair', 'bayko\uD83D'],
    ['with SQL', "'; DROP TABLE users; --"],
    ['with a wildcard', '%'],
    ['with an array in it', '{bayko}'],
  ])('by a handle %s', async (_, handle) => {
    expect(await directory.findByHandles([handle])).toEqual([]);

    expect(statements).toEqual([]);
  });

  test('by no handles and by no ids', async () => {
    expect(await directory.findByHandles([])).toEqual([]);
    expect(await directory.findByIds([])).toEqual([]);

    expect(statements).toEqual([]);
  });

  test.each([
    ['NUL', 'sub\0ject'],
    ['half of a surrogate pair', 'subject\uDC00'],
  ])('by a subject with %s', async (_, subject) => {
    expect(await directory.findBySubject(subject)).toBeUndefined();

    expect(statements).toEqual([]);
  });
});

test('a handle that nobody could have does not keep the others from being found', async () => {
  const found = await directory.findByHandles(['@', ann.handle, 'a\0b']);

  expect(found).toEqual([userOf(ann)]);
});

test('a handle of 30 letters, digits and underscores is one', async () => {
  const handle = `X_9${randomUUID().replaceAll('-', '')}`.slice(0, 30);
  await insert(handle);

  const found = await directory.findByHandles([handle]);

  expect(found).toEqual([expect.objectContaining({ handle })]);
});

describe('the database refuses', () => {
  const UNIQUE = { code: '23505' };
  const CHECK = { code: '23514' };

  test('handles that differ in case only', async () => {
    const handle = `twice_${randomUUID().slice(0, 8)}`;
    await insert(handle);

    await expect(insert(handle.toUpperCase())).rejects.toMatchObject(UNIQUE);
  });

  test('a second person with the same subject', async () => {
    await expect(insert(`h_${randomUUID().slice(0, 8)}`, { subject: ann.subject })).rejects.toMatchObject(UNIQUE);
  });

  test.each(['', 'andrew brown', '@bayko', 'zoë', 'a'.repeat(31), 'bayko\n'])('the handle %j', async (handle) => {
    await expect(insert(handle)).rejects.toMatchObject(CHECK);
  });

  test.each<[string, Details]>([
    ['an empty display name', { displayName: '' }],
    ['a display name of 101 characters', { displayName: 'é'.repeat(101) }],
    ['an empty subject', { subject: '' }],
  ])('%s', async (_, details) => {
    await expect(insert(`h_${randomUUID().slice(0, 8)}`, details)).rejects.toMatchObject(CHECK);
  });

  test('nothing of several people without a subject', async () => {
    const handles = [1, 2].map((each) => `n${each}_${randomUUID().slice(0, 8)}`);

    for (const handle of handles) await insert(handle, { subject: null });

    expect(await directory.findByHandles(handles)).toHaveLength(2);
  });
});

test('schema.sql, run again, changes nothing', async () => {
  const schema = await readFile(new URL('../../db/schema.sql', import.meta.url), 'utf8');
  const before = await describeUsers();

  await pool.query(schema);
  await pool.query(schema);

  expect(await describeUsers()).toEqual(before);
  expect(await directory.findByIds([ann.id])).toEqual([userOf(ann)]);
});

describe('every call ends as unavailable', () => {
  const calls: [string, (directory: Directory) => Promise<unknown>][] = [
    ['findByIds', ({ findByIds }) => findByIds([randomUUID()])],
    ['findByHandles', ({ findByHandles }) => findByHandles(['bayko'])],
    ['findBySubject', ({ findBySubject }) => findBySubject('subject')],
    ['ping', ({ ping }) => ping()],
  ];

  test.each(calls)('when nothing listens: %s', async (_, call) => {
    const unreachable = aDirectory(`postgres://postgres@127.0.0.1:${await freePort()}/postgres`);

    await expect(call(unreachable)).rejects.toThrow(UnavailableError);
  });

  test('when the database takes connections and says nothing', async () => {
    const port = await listen(createServer());
    const silent = aDirectory(`postgres://postgres@127.0.0.1:${port}/postgres`);

    await expect(silent.ping()).rejects.toThrow(UnavailableError);
  });

  test('when the database stops answering, and is well again when it answers again', async () => {
    const proxy = await aDirectoryProxy();
    const behindProxy = aDirectory(proxy.url);
    await behindProxy.ping();

    proxy.swallow();

    await expect(behindProxy.findByIds([ann.id])).rejects.toThrow(UnavailableError);

    await proxy.recover();

    expect(await behindProxy.findByIds([ann.id])).toEqual([userOf(ann)]);
  });

  test('when connections break, and is well again when they can be made again', async () => {
    const proxy = await aDirectoryProxy();
    const behindProxy = aDirectory(proxy.url);
    await behindProxy.ping();

    proxy.swallow();
    const finding = behindProxy.findByIds([ann.id]);
    proxy.reset();

    await expect(finding).rejects.toThrow(UnavailableError);

    await proxy.recover();

    expect(await behindProxy.findByIds([ann.id])).toEqual([userOf(ann)]);
  });

  test.each([
    ['08006', 'a lost connection'],
    ['53300', 'too many connections'],
    ['57P01', 'a shutdown'],
    ['58030', 'an I/O error'],
    ['28P01', 'a wrong password'],
    ['3D000', 'no such database'],
    ['40001', 'a serialization failure'],
    ['XX000', 'an internal error'],
  ])('when the database reports %s, %s', async (code) => {
    const failing = openDirectory(poolThat(() => raise(code)));

    await expect(failing.ping()).rejects.toThrow(UnavailableError);
  });
});

describe('an error of the statement itself is no lack of availability, but goes through', () => {
  test('when there is no table', async () => {
    // With a single session behind the socket, no other path may outlive its transaction.
    const tableless = openDirectory(
      poolThat(async (text, values) => {
        const client = await pool.connect();
        try {
          await client.query('BEGIN');
          await client.query('SET LOCAL search_path TO pg_catalog');
          return await client.query(text, values);
        } finally {
          await client.query('ROLLBACK');
          client.release();
        }
      }),
    );

    const finding = tableless.findByIds([randomUUID()]);

    await expect(finding).rejects.toThrow(pg.DatabaseError);
    await expect(finding).rejects.toMatchObject({ code: '42P01' });
  });

  test.each([
    ['42601', 'a syntax error'],
    ['42501', 'a lack of privilege'],
    ['22P02', 'a bad value'],
    ['23505', 'a duplicate'],
  ])('when the database reports %s, %s', async (code) => {
    const failing = openDirectory(poolThat(() => raise(code)));

    const pinging = failing.ping();

    await expect(pinging).rejects.toThrow(pg.DatabaseError);
    await expect(pinging).rejects.toMatchObject({ code });
  });
});

type Query = (text: string, values?: unknown[]) => Promise<pg.QueryResult>;

/** A pool that queries in its own way. */
function poolThat(query: Query): pg.Pool {
  return Object.assign(Object.create(pool), { query });
}

/** Has the database itself report an error. */
function raise(code: string): Promise<pg.QueryResult> {
  return pool.query(`DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '${code}'; END $$`);
}

/** A directory with connections of its own. */
function aDirectory(url: string): Directory {
  const itsPool = openPool({ url, poolSize: 1, onIdleError: () => {} });
  onTestFinished(() => itsPool.end());
  return openDirectory(itsPool);
}

async function listen(server: Server): Promise<number> {
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

interface Details {
  readonly displayName?: string;
  readonly subject?: string | null;
}

async function insert(handle: string, { displayName = 'Somebody', subject = randomUUID() }: Details = {}) {
  await pool.query('INSERT INTO users (handle, display_name, email, cognito_user_id) VALUES ($1, $2, $3, $4)', [
    handle,
    displayName,
    'somebody@example.com',
    subject,
  ]);
}

/** Columns, constraints and indexes. */
async function describeUsers(): Promise<unknown[]> {
  const queries = [
    `SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns
     WHERE table_name = 'users' AND table_schema = current_schema() ORDER BY 1`,
    `SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'users'::regclass ORDER BY 1`,
    `SELECT indexname, indexdef FROM pg_indexes
     WHERE tablename = 'users' AND schemaname = current_schema() ORDER BY 1`,
  ];
  const described: unknown[] = [];
  for (const query of queries) {
    const { rows } = await pool.query(query);
    expect(rows).not.toEqual([]);
    described.push(rows);
  }
  return described;
}

function userOf({ id, handle, displayName }: Person) {
  return { id, handle, displayName };
}

function byHandle<Each extends { handle: string }>(people: readonly Each[]): Each[] {
  return people.toSorted((one, other) => (one.handle < other.handle ? -1 : 1));
}
