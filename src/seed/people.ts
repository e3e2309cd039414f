import { readFile } from 'node:fs/promises';
import type pg from 'pg';
import { projectFile } from '../project-files.ts';

const SEED = projectFile('db/seed.sql');

/** Fills in the people of the seed. Running it again changes nothing. @returns how many were added */
export async function seedPeople(pool: pg.Pool): Promise<number> {
  const { rowCount } = await pool.query(await readFile(SEED, 'utf8'));
  return rowCount ?? 0;
}
