import type pg from 'pg';
import { foldHandle } from '../model.ts';

/** The subject of a person's tokens; undefined when nobody has the handle, or the person never signed up. */
export async function findSubject(pool: pg.Pool, handle: string): Promise<string | undefined> {
  const { rows } = await pool.query<{ cognito_user_id: string | null }>(
    'SELECT cognito_user_id FROM users WHERE lower(handle COLLATE "C") = $1',
    [foldHandle(handle)],
  );
  return rows[0]?.cognito_user_id ?? undefined;
}
