import type pg from 'pg';
import * as z from 'zod';
import { canSignIn, handleOf, planSubjects, type SubjectPlan, type SubjectRow } from './subject-plan.ts';
import type { PoolUser } from './user-pool.ts';

/** Rows to a statement: each has 2 s to be answered. */
const BATCH = 1_000;

const row = z
  .object({ id: z.uuid(), handle: z.string(), cognito_user_id: z.string().nullable() })
  .transform(({ id, handle, cognito_user_id }): SubjectRow => ({ id, handle, subject: cognito_user_id }));

/**
 * Gives each row the subject of the user of the pool whose handle it has. Rows are compared and written in one transaction, so all
 * are written or none, and nobody signs up in between.
 *
 * @returns what was written, or, with `dryRun`, what would be
 */
export async function syncSubjects(
  pool: pg.Pool,
  users: readonly PoolUser[],
  { dryRun }: { readonly dryRun: boolean },
): Promise<SubjectPlan> {
  const client = await pool.connect();
  try {
    await client.query(dryRun ? 'BEGIN READ ONLY' : 'BEGIN');
    // Who reads goes on; who would write waits.
    if (!dryRun) await client.query('LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE');
    const plan = planSubjects(users, await findRows(client, users.filter(canSignIn)));
    if (!dryRun) await writeSubjects(client, plan);
    await client.query('COMMIT');
    client.release();
    return plan;
  } catch (error) {
    // Without its connection, an open transaction is rolled back, even one that hangs.
    client.release(true);
    throw error;
  }
}

/** The rows that have a handle or a subject of these users. */
async function findRows(client: pg.PoolClient, users: readonly PoolUser[]): Promise<SubjectRow[]> {
  const found = new Map<string, SubjectRow>();
  for (const some of batches(users)) {
    const { rows } = await client.query(
      `SELECT id, handle, cognito_user_id FROM users
       WHERE lower(handle COLLATE "C") = ANY($1::text[]) OR cognito_user_id = ANY($2::text[])`,
      [some.flatMap((user) => handleOf(user) ?? []), some.map(({ subject }) => subject)],
    );
    for (const each of rows) {
      const parsed = row.parse(each);
      found.set(parsed.id, parsed);
    }
  }
  return [...found.values()];
}

/** A subject that goes from one row to another is taken from all rows first: no two may have it at any time. */
async function writeSubjects(client: pg.PoolClient, { changed, added }: SubjectPlan): Promise<void> {
  for (const some of batches(changed)) {
    await client.query('UPDATE users SET cognito_user_id = NULL, updated_at = now() WHERE id = ANY($1::uuid[])', [
      some.map(({ id }) => id),
    ]);
  }
  for (const some of batches([...changed.filter(({ subject }) => subject !== null), ...added])) {
    await client.query(
      `UPDATE users SET cognito_user_id = person.subject, updated_at = now()
       FROM unnest($1::uuid[], $2::text[]) AS person (id, subject) WHERE users.id = person.id`,
      [some.map(({ id }) => id), some.map(({ subject }) => subject)],
    );
  }
}

function* batches<Each>(all: readonly Each[]): Generator<readonly Each[]> {
  for (let start = 0; start < all.length; start += BATCH) yield all.slice(start, start + BATCH);
}
