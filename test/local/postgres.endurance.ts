import { type EventEmitter, once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type EmbeddedPostgres, startPostgres } from '../../src/local/postgres.ts';

// A database of its own takes some seconds to be made.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** pg's connection, as far as its types leave it out. */
interface WireConnection extends EventEmitter {
  readonly stream: { destroy(): void };
  /** Sends the first message of a statement with parameters. */
  parse(statement: { readonly text: string; readonly name: string }): void;
  /** Asks for what there is to answer so far. */
  flush(): void;
}

describe('an embedded Postgres with many clients', () => {
  let postgres: EmbeddedPostgres;

  beforeAll(async () => {
    postgres = await startPostgres(0);
  });
  afterAll(() => postgres.stop());

  test('answers each client’s statements with that client’s results, all at once', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => connect(postgres)));

    const answers = await Promise.all(clients.map((client, index) => statements(client, index, 50)));

    expect(answers).toEqual(clients.map((_, index) => expected(index, 50)));
  });

  test('does so for statements that had to wait for a transaction', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => connect(postgres)));
    const holder = await connect(postgres);
    const transactions = async () => {
      for (let n = 0; n < 50; n += 1) for (const sql of ['BEGIN', 'SELECT 1', 'COMMIT']) await holder.query(sql);
    };

    const [answers] = await Promise.all([
      Promise.all(clients.map((client, index) => statements(client, index, 50))),
      transactions(),
    ]);

    expect(answers).toEqual(clients.map((_, index) => expected(index, 50)));
  });

  test('does so for statements that come in pieces', async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => connect(postgres)));
    const longText = 'x'.repeat(500_000);

    const answers = await Promise.all(
      clients.map((client, index) =>
        client.query(`SELECT 'client ${index}: ' || length($1::text) AS answer`, [longText]),
      ),
    );

    expect(answers.map(({ rows }) => rows[0].answer)).toEqual(clients.map((_, index) => `client ${index}: 500000`));
  });

  test('answers the others when a statement of one fails', async () => {
    const failing = await connect(postgres);
    const others = await Promise.all(Array.from({ length: 3 }, () => connect(postgres)));

    const failures = fail(failing, 20);
    const answers = await Promise.all(others.map((client, index) => statements(client, index, 20)));

    expect(answers).toEqual(others.map((_, index) => expected(index, 20)));
    expect(await failures).toEqual(Array.from({ length: 20 }, () => 'division by zero'));
  });

  test('keeps a transaction apart from the statements of others', async () => {
    const [ann, ben] = [await connect(postgres), await connect(postgres)];
    await ann.query('CREATE TABLE IF NOT EXISTS apart (n int)');

    await ann.query('BEGIN');
    await ann.query('INSERT INTO apart VALUES ($1)', [1]);
    const seenByBen = ben.query('SELECT n FROM apart');
    await ann.query('INSERT INTO apart VALUES ($1)', [2]);
    await ann.query('ROLLBACK');

    expect((await seenByBen).rows).toEqual([]);
  });

  // What a client may be in the middle of when it is lost.
  test.each<[string, (client: pg.Client, connection: WireConnection) => Promise<unknown>]>([
    ['a transaction', (client) => client.query('BEGIN')],
    [
      'a transaction that holds a lock',
      async (client) => {
        await client.query('CREATE TABLE IF NOT EXISTS locked (n int)');
        await client.query('BEGIN');
        await client.query('LOCK TABLE locked');
        await client.query('SELECT $1::int', [1]);
      },
    ],
    [
      'a transaction that failed',
      async (client) => {
        await client.query('BEGIN');
        await client.query('SELECT 1 / 0').catch(() => {});
      },
    ],
    ['a BEGIN without its answer', async (client) => unanswered(client.query('BEGIN'))],
    ['a statement without its answer', async (client) => unanswered(client.query('SELECT $1::int', [1]))],
    [
      'a statement that takes a while',
      async (client) => unanswered(client.query('SELECT count(*) FROM generate_series(1, $1::int)', [1_000_000])),
    ],
    [
      'half a statement',
      async (_, connection) => {
        connection.parse({ text: 'SELECT $1::int', name: '' });
        connection.flush();
        await once(connection, 'parseComplete');
      },
    ],
  ])('does not keep the others waiting for a client that was lost in %s', async (_, begin) => {
    const lost = await connect(postgres);
    const [waiting, later] = [await connect(postgres), await connect(postgres)];
    const connection = (lost as unknown as { connection: WireConnection }).connection;

    await begin(lost, connection);
    const answered = waiting.query('SELECT 1 AS n');
    connection.stream.destroy();

    expect((await answered).rows).toEqual([{ n: 1 }]);
    expect(await statements(later, 2, 10)).toEqual(expected(2, 10));
    expect(await statements(waiting, 1, 10)).toEqual(expected(1, 10));
  });
});

describe('an embedded Postgres in a folder', () => {
  test('still has its data after it was stopped, with a client connected, and started again', async () => {
    const folder = await aFolder();
    const first = await startPostgres(0, folder);
    const client = await connect(first);
    await client.query('CREATE TABLE kept (n int)');
    await client.query('INSERT INTO kept VALUES ($1)', [7]);
    await first.stop();

    const second = await start(folder);

    expect((await (await connect(second)).query('SELECT n FROM kept')).rows).toEqual([{ n: 7 }]);
  });

  test('makes half a database, which a killed first start left, anew', async () => {
    const folder = await aFolder();
    await mkdir(join(folder, 'base'), { recursive: true });
    await writeFile(join(folder, 'PG_VERSION'), '17\n');
    await writeFile(join(folder, 'left over'), '');

    const postgres = await start(folder);

    expect((await (await connect(postgres)).query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }]);
    expect(existsSync(join(folder, 'left over'))).toBe(false);
  });

  async function aFolder(): Promise<string> {
    const parent = await mkdtemp(join(tmpdir(), 'cruddur-postgres-'));
    onTestFinished(() => rm(parent, { recursive: true, force: true }));
    return join(parent, 'postgres');
  }

  async function start(folder: string): Promise<EmbeddedPostgres> {
    const postgres = await startPostgres(0, folder);
    onTestFinished(() => postgres.stop());
    return postgres;
  }
});

/** A connection of its own, which the test may lose. */
async function connect({ url }: EmbeddedPostgres): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, query_timeout: 20_000 });
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end().catch(() => {}));
  return client;
}

/** Asks that many questions, one after another, of which no other client has the answers. */
async function statements(client: pg.Client, index: number, count: number): Promise<string[]> {
  const answers: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const { rows } = await client.query('SELECT $1::text || $2::text AS answer', [`client ${index}`, ` question ${n}`]);
    answers.push(rows[0]?.answer);
  }
  return answers;
}

/** Asks what can't be answered, that many times; returns the errors' messages. */
async function fail(client: pg.Client, count: number): Promise<string[]> {
  const messages: string[] = [];
  for (let n = 0; n < count; n += 1) {
    await client.query('SELECT $1::int / 0', [n]).catch((error: Error) => messages.push(error.message));
  }
  return messages;
}

function expected(index: number, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `client ${index} question ${n}`);
}

/** Sends, and leaves it at that. */
function unanswered(query: Promise<unknown>): void {
  query.catch(() => {});
}
