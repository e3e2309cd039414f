import { randomBytes, randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type Directory, openDirectory } from '../../src/users/directory.ts';
import { openPool } from '../../src/users/pool.ts';
import { peopleSearch, SEARCH_PEOPLE } from '../../src/users/search.ts';

let pool: pg.Pool;
let directory: Directory;

beforeAll(() => {
  pool = openPool({ url: inject('databaseUrl'), poolSize: 1, onIdleError: () => {} });
  directory = openDirectory(pool);
});
afterAll(() => pool.end());

/** A word that nobody else in the directory has: of letters alone. */
function aWord(): string {
  return `q${randomBytes(5)
    .toString('hex')
    .replace(/\d/g, (digit) => 'ghijklmnop'[Number(digit)] ?? '')}`;
}

interface Row {
  readonly handle: string;
  readonly name: string;
}

async function add(people: readonly Row[]): Promise<void> {
  await pool.query(
    `INSERT INTO users (handle, display_name, email)
     SELECT handle, name, 'a@example.com' FROM unnest($1::text[], $2::text[]) AS person (handle, name)`,
    [people.map(({ handle }) => handle), people.map(({ name }) => name)],
  );
}

async function found(text: string, first?: number, exceptId: string = randomUUID()): Promise<string[]> {
  return (await directory.search(peopleSearch(text, first, exceptId))).map(({ handle }) => handle);
}

test('the exact handle comes first, then handles that begin so, then words of names that begin so', async () => {
  const word = aWord();
  await add([
    { handle: `x1_${word}`.slice(0, 30), name: `Bella ${word.toUpperCase()}son` },
    { handle: `x0_${word}`.slice(0, 30), name: `${word} Bell` },
    { handle: `${word}_b`, name: 'B' },
    { handle: `${word}A`, name: `${word} is a word of this name too` },
    { handle: word.toUpperCase(), name: 'Exact' },
    { handle: `x2_${word}`.slice(0, 30), name: `Within${word}` },
  ]);

  const all = [word.toUpperCase(), `${word}_b`, `${word}A`, `x0_${word}`, `x1_${word}`];
  expect(await found(word)).toEqual(all);
  expect(await found(`@${word.toUpperCase()} `)).toEqual(all);
  expect(await found(word, 2)).toEqual(all.slice(0, 2));
  expect(await found(word, 4)).toEqual(all.slice(0, 4));
});

test('the words of a name are found in their order, with accents, and across punctuation', async () => {
  const word = aWord();
  const handle = word;
  await add([{ handle, name: `Zoë-${word} O'Hara_Ünal (she/her) 李小龍 3rd` }]);

  for (const text of [`zoë ${word}`, `ZOë-${word} o`, `${word} o'ha`, `${word} o’hara`, `${word} o hara  ünal SHE`]) {
    expect([text, await found(text)]).toEqual([text, [handle]]);
  }
  expect(await found(`${word} hara`)).toEqual([]);
  expect(await found(`o'hara ${word}`)).toEqual([]);
});

test('the viewer is left out', async () => {
  const word = aWord();
  await add([
    { handle: word, name: word },
    { handle: `${word}_2`, name: word },
  ]);
  const [viewer] = await directory.findByHandles([word]);

  expect(await found(word, 10, viewer?.id)).toEqual([`${word}_2`]);
});

test('characters that mean something to SQL, LIKE or text search mean nothing', async () => {
  const word = aWord();
  await add([
    { handle: `${word}_a`, name: 'A' },
    { handle: `${word}xa`, name: 'A' },
  ]);

  expect(await found(`${word}_`)).toEqual([`${word}_a`]);
  for (const text of ['%%', `${word}%`, `${word}\\`, `${word}':*`, `${word} | ${word}`, `!${word}`, `${word}&!x`]) {
    const people = await found(text);
    expect([text, people]).toEqual([text, []]);
  }
  for (const text of ['\0\0', '\ud800\ud800', "''", '&|!()<->:*', '🙂🙂', "'; DROP TABLE people; --"]) {
    expect([text, await found(text)]).toEqual([text, []]);
  }
});

test.each(['a', ' a ', '@a', '', '@', 'a'.repeat(101)])('a text as short or long as %j is refused', (text) => {
  expect(() => peopleSearch(text, 10, 'id')).toThrow('`search` must have 2 to 100 characters.');
});

test.each([0, -1, 21])('a count of %i is refused', (first) => {
  expect(() => peopleSearch('an', first, 'id')).toThrow('`first` must be 1 to 20.');
});

test('the statements use the indexes', async () => {
  const { handle, words, exceptId, limit } = peopleSearch('andrew br', 10, randomUUID());
  const client = await pool.connect();
  const planOf = async (sql: string, values: unknown[]) =>
    (await client.query(`EXPLAIN ${sql}`, values)).rows.map((row) => row['QUERY PLAN']).join('\n');
  try {
    await client.query('BEGIN');
    // The table of the tests is so small that to read all of it is cheaper.
    await client.query('SET LOCAL enable_seqscan = off');

    const search = await planOf(SEARCH_PEOPLE, [handle ?? 'andrew', words, exceptId, limit]);
    const byHandle = await planOf('SELECT id FROM users WHERE lower(handle COLLATE "C") = ANY($1::text[])', [
      ['a', 'b'],
    ]);

    expect(search).toMatch(/Index (Only )?Scan (using|on) users_handle_ascii_key/);
    expect(search).toMatch(/Index Cond: .*lower.*>=/);
    expect(search).toContain('Bitmap Index Scan on users_display_name_words');
    expect(search).not.toContain('Seq Scan');
    expect(byHandle).toContain('users_handle_ascii_key');
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
});
