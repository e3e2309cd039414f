import { readFile } from 'node:fs/promises';
import type pg from 'pg';

const SCHEMA = new URL('../../db/schema.sql', import.meta.url);

/** Makes the directory's table. Running it again changes nothing. */
export async function loadSchema(pool: pg.Pool): Promise<void> {
  await pool.query(await readFile(SCHEMA, 'utf8'));
}
