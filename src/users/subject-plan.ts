import { foldHandle, isHandle } from '../model.ts';
import type { PoolUser } from './user-pool.ts';

/** A row of the directory, as far as it matters for whose tokens lead to it. */
export interface SubjectRow {
  readonly id: string;
  readonly handle: string;
  readonly subject: string | null;
}

/** A row that gets the subject of the user who has its handle. */
export interface AddedSubject {
  readonly id: string;
  readonly handle: string;
  readonly subject: string;
  readonly username: string;
}

/** A row that had another subject: tokens of that one lead to it no longer. */
export interface ChangedSubject {
  readonly id: string;
  readonly handle: string;
  readonly before: string;
  /** Null where the row's subject goes to another row, and nobody takes its place. */
  readonly subject: string | null;
  readonly username: string | null;
  /** The user of the pool who got in by this row, and now gets in by none; null when there is no such user. */
  readonly lockedOut: string | null;
}

/** A row whose handle several users have. It keeps the subject that it has, if it isn't another row's. */
export interface AmbiguousHandle {
  readonly handle: string;
  readonly usernames: readonly string[];
}

/** What it takes for each row to have the subject of the user whose `preferred_username` is its handle. */
export interface SubjectPlan {
  readonly changed: readonly ChangedSubject[];
  readonly added: readonly AddedSubject[];
  /** Users who have no handle that anybody in the directory has. */
  readonly unmatched: readonly PoolUser[];
  readonly ambiguous: readonly AmbiguousHandle[];
  /** Users who can't sign in. */
  readonly skipped: readonly PoolUser[];
  /** How many users have their row already. */
  readonly unchanged: number;
}

/**
 * Whether the user may have a row: a confirmed one, or one that another identity provider vouches for. Anybody can sign up with
 * anybody's handle: before that is confirmed, it says nothing. It must not make a handle ambiguous either, or it would keep its
 * owner out.
 */
export function canSignIn({ status, enabled }: PoolUser): boolean {
  return enabled && SIGNED_UP.has(status);
}

/** Of `UserStatus`: see UserType in Amazon Cognito's API reference. */
const SIGNED_UP = new Set(['CONFIRMED', 'EXTERNAL_PROVIDER']);

/**
 * Compares a pool with the directory. Handles are compared without regard to case.
 *
 * @param users with a subject each that no other has
 * @param rows at least those that have a handle or a subject of the users, in any order
 */
export function planSubjects(users: readonly PoolUser[], rows: readonly SubjectRow[]): SubjectPlan {
  const skipped = users.filter((user) => !canSignIn(user));
  const { claims, unmatched } = claimsOf(users.filter(canSignIn), rows);
  const takers = new Map<string, PoolUser>();
  const ambiguous: AmbiguousHandle[] = [];
  for (const [{ id, handle }, [first, ...others]] of claims) {
    if (!first) continue;
    if (others.length === 0) takers.set(id, first);
    else ambiguous.push({ handle, usernames: [first, ...others].map(({ username }) => username) });
  }
  const placed = new Set(Array.from(takers.values(), ({ subject }) => subject));
  const usernames = new Map(users.map(({ subject, username }) => [subject, username]));

  const changed: ChangedSubject[] = [];
  const added: AddedSubject[] = [];
  let unchanged = 0;
  for (const { id, handle, subject: before } of rows) {
    const taker = takers.get(id);
    if (taker && taker.subject === before) unchanged += 1;
    else if (taker && before === null) added.push({ id, handle, subject: taker.subject, username: taker.username });
    else if (before !== null && (taker || placed.has(before))) {
      const lockedOut = placed.has(before) ? null : (usernames.get(before) ?? null);
      changed.push({
        id,
        handle,
        before,
        subject: taker?.subject ?? null,
        username: taker?.username ?? null,
        lockedOut,
      });
    }
  }
  return {
    changed: changed.sort(byHandle),
    added: added.sort(byHandle),
    unmatched,
    ambiguous: ambiguous.sort(byHandle),
    skipped,
    unchanged,
  };
}

/** Which users have the handle of which row. */
function claimsOf(users: readonly PoolUser[], rows: readonly SubjectRow[]) {
  const byName = new Map(rows.map((row) => [foldHandle(row.handle), row]));
  const claims = new Map<SubjectRow, PoolUser[]>();
  const unmatched: PoolUser[] = [];
  for (const user of users) {
    const row = byName.get(handleOf(user) ?? '');
    if (!row) unmatched.push(user);
    else if (!claims.get(row)?.push(user)) claims.set(row, [user]);
  }
  return { claims, unmatched };
}

/** The handle that a user has, in lower case; undefined where it is none that anyone in the directory could have. */
export function handleOf({ preferredUsername }: PoolUser): string | undefined {
  return preferredUsername !== undefined && isHandle(preferredUsername) ? foldHandle(preferredUsername) : undefined;
}

function byHandle(one: { readonly handle: string }, other: { readonly handle: string }): number {
  return foldHandle(one.handle) < foldHandle(other.handle) ? -1 : 1;
}
