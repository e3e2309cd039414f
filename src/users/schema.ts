import { readFile } from 'node:fs/promises';
import type pg from 'pg';
import { projectFile } from '../project-files.ts';

const SCHEMA = projectFile('db/schema.sql');

/** Makes the directory's table. Running it again changes nothing. */
export async function loadSchema(pool: pg.Pool): Promise<void> {
  await pool.query(await readFile(SCHEMA, 'utf8'));
}
