import pg from 'pg';
import * as z from 'zod';
import { BadUserInputError } from '../errors.ts';
import { foldHandle } from '../model.ts';
import { answered } from './directory.ts';

const row = z
  .object({
    id: z.uuid(),
    handle: z.string(),
    display_name: z.string(),
    email: z.string(),
    cognito_user_id: z.string().nullable(),
  })
  .transform(({ id, handle, display_name, email, cognito_user_id }) => ({
    id,
    handle,
    displayName: display_name,
    email,
    /** The `sub` of the person's tokens; null until the person first signed up. */
    subject: cognito_user_id,
  }));

/** A row of the directory, for those who look after it. */
export type PersonRow = z.infer<typeof row>;

export type NewPerson = Omit<PersonRow, 'id'>;

const COLUMNS = 'id, handle, display_name, email, cognito_user_id';

/** People by handle, at most `limit`; those after a handle, where given. */
export async function listPeople(
  pool: pg.Pool,
  { limit, after = '' }: { readonly limit: number; readonly after?: string | undefined },
): Promise<PersonRow[]> {
  const { rows } = await pool.query(
    `SELECT ${COLUMNS} FROM users WHERE lower(handle COLLATE "C") > $1 ORDER BY lower(handle COLLATE "C") LIMIT $2`,
    [foldHandle(after), limit],
  );
  return rows.map((each) => row.parse(each));
}

/**
 * Adds a person.
 *
 * @throws BadUserInputError with a sentence that says what is wrong: a taken handle or subject, or a value that the directory does not take
 */
export async function addPerson(pool: pg.Pool, { handle, displayName, email, subject }: NewPerson): Promise<PersonRow> {
  try {
    const { rows } = await pool.query(
      `INSERT INTO users (handle, display_name, email, cognito_user_id) VALUES ($1, $2, $3, $4) RETURNING ${COLUMNS}`,
      [handle, displayName, email, subject],
    );
    return row.parse(rows[0]);
  } catch (error) {
    throw refusal(error) ?? error;
  }
}

/**
 * Adds a person whose tokens have the subject, unless that was done before. Calls that come at once add one person.
 *
 * @returns the person who has the subject, whatever else was known of them before
 * @throws BadUserInputError as `addPerson` does
 * @throws UnavailableError when the directory does not answer
 */
export async function addPersonOnce(pool: pg.Pool, person: NewPerson & { subject: string }): Promise<PersonRow> {
  try {
    return await answered(addPerson(pool, person));
  } catch (error) {
    // Which constraint a repetition violates first, that of the subject or that of the handle, is for Postgres to choose.
    const known = error instanceof BadUserInputError ? await answered(findBySubject(pool, person.subject)) : undefined;
    if (known) return known;
    throw error;
  }
}

async function findBySubject(pool: pg.Pool, subject: string): Promise<PersonRow | undefined> {
  const { rows } = await pool.query(`SELECT ${COLUMNS} FROM users WHERE cognito_user_id = $1`, [subject]);
  return rows.map((each) => row.parse(each)).at(0);
}

/** What a violated constraint of db/schema.sql means to who wrote the value; undefined for any other error. */
function refusal(error: unknown): BadUserInputError | undefined {
  if (!(error instanceof pg.DatabaseError)) return undefined;
  const sentence =
    error.code === NO_CHARACTER ? 'A text has a character that is none.' : SENTENCES[error.constraint ?? ''];
  return sentence ? new BadUserInputError(sentence, { cause: error }) : undefined;
}

/** Postgres has no NUL in text: see "PostgreSQL Error Codes" in the PostgreSQL manual. */
const NO_CHARACTER = '22021';

/** By the names of the constraints, which Postgres makes up where the schema has none. */
const SENTENCES: Readonly<Record<string, string>> = {
  users_handle_ascii_key: 'The handle is taken.',
  // The index of older versions, until the schema is loaded again.
  users_handle_key: 'The handle is taken.',
  users_handle_check: 'A handle is 1 to 30 letters, digits and underscores.',
  users_display_name_check: 'A display name has 1 to 100 characters.',
  users_email_check: 'An email address has 3 to 254 characters.',
  users_cognito_user_id_key: 'The subject is that of somebody else.',
  users_cognito_user_id_check: 'A subject has 1 to 255 characters.',
};
