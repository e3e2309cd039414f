import pg from 'pg';
import * as z from 'zod';
import { DomainError, UnavailableError } from '../errors.ts';
import { foldHandle, isHandle, type User } from '../model.ts';
import { type PeopleSearch, SEARCH_PEOPLE } from './search.ts';

/** The people, as Postgres knows them. */
export interface Directory {
  /** The people with these UUIDs; those that exist, in no order. One statement. */
  findByIds(ids: readonly string[]): Promise<readonly User[]>;
  /** The people with these handles, compared without regard to ASCII case; those that exist, in no order. One statement. */
  findByHandles(handles: readonly string[]): Promise<readonly User[]>;
  /** The people whose handle or name begins as asked, best matches first. One statement. */
  search(search: PeopleSearch): Promise<readonly User[]>;
  /** The person whose tokens have this subject. */
  findBySubject(subject: string): Promise<User | undefined>;
  /** Whether the directory answers. */
  ping(): Promise<void>;
}

/** What is said of a directory that can't be reached for the moment. */
export const NO_ANSWER = 'The directory of people does not answer. Try again.';

const row = z
  .object({ id: z.uuid(), handle: z.string(), display_name: z.string() })
  .transform(({ id, handle, display_name }): User => ({ id, handle, displayName: display_name }));

/** Statements have no names, so that a pooler, or an engine with a single session, may stand in between. */
export function openDirectory(pool: pg.Pool): Directory {
  async function find(where: string, values: readonly unknown[]): Promise<readonly User[]> {
    const { rows } = await answered(
      pool.query(`SELECT id, handle, display_name FROM users WHERE ${where}`, [...values]),
    );
    return rows.map((each) => row.parse(each));
  }

  return {
    findByIds: async (ids) => (ids.length === 0 ? [] : find('id = ANY($1::uuid[])', [ids])),
    findByHandles: async (handles) => {
      const possible = handles.filter(isHandle).map(foldHandle);
      return possible.length === 0 ? [] : find('lower(handle COLLATE "C") = ANY($1::text[])', [possible]);
    },
    search: async ({ handle, words, exceptId, limit }) => {
      if (handle === null && words === null) return [];
      const { rows } = await answered(pool.query(SEARCH_PEOPLE, [handle, words, exceptId, limit]));
      const people = new Map(rows.map((each) => row.parse(each)).map((user) => [user.id, user]));
      return [...people.values()].slice(0, limit);
    },
    findBySubject: async (subject) =>
      isText(subject) ? (await find('cognito_user_id = $1', [subject])).at(0) : undefined,
    ping: async () => {
      await answered(pool.query('SELECT 1'));
    },
  };
}

/** Postgres has no NUL in text, and no half of a surrogate pair. */
function isText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/**
 * Returns the result of a call to the directory.
 *
 * @throws DatabaseError for a statement that can never succeed, and UnavailableError for every other failure
 */
export async function answered<Result>(call: Promise<Result>): Promise<Result> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof DomainError) throw error;
    if (error instanceof pg.DatabaseError && OUR_FAULTS.has(error.code?.slice(0, 2) ?? '')) throw error;
    throw new UnavailableError(NO_ANSWER, { cause: error });
  }
}

/**
 * Classes of errors that repeat however often the statement is sent: feature not supported, cardinality violation, data exception,
 * integrity constraint violation, and syntax error or access rule violation. See "PostgreSQL Error Codes" in the PostgreSQL manual.
 */
const OUR_FAULTS = new Set(['0A', '21', '22', '23', '42']);
