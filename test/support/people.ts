import { randomBytes, randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { User } from '../../src/model.ts';

/** A person of the directory, with the subject of their tokens. */
export interface Person extends User {
  readonly subject: string;
}

/** People with handles of their own, in one statement. */
export async function addPeople(pool: pg.Pool, count: number): Promise<Person[]> {
  const people = Array.from({ length: count }, () => {
    const handle = `p_${randomBytes(8).toString('hex')}`;
    return { id: randomUUID(), handle, displayName: `Person ${handle}`, subject: randomUUID() };
  });
  await pool.query(
    `INSERT INTO users (id, handle, display_name, email, cognito_user_id)
     SELECT id::uuid, handle, name, handle || '@example.com', subject
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS person (id, handle, name, subject)`,
    [
      people.map(({ id }) => id),
      people.map(({ handle }) => handle),
      people.map(({ displayName }) => displayName),
      people.map(({ subject }) => subject),
    ],
  );
  return people;
}

/** Takes the person's account away. */
export async function removePerson(pool: pg.Pool, { id }: Person): Promise<void> {
  await pool.query('DELETE FROM users WHERE id = $1', [id]);
}
