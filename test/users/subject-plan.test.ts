import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canSignIn, planSubjects, type SubjectPlan, type SubjectRow } from '../../src/users/subject-plan.ts';
import type { PoolUser } from '../../src/users/user-pool.ts';

const NOTHING: SubjectPlan = { changed: [], added: [], unmatched: [], ambiguous: [], skipped: [], unchanged: 0 };

function user(username: string, preferredUsername: string | undefined, details: Partial<PoolUser> = {}): PoolUser {
  return { username, subject: `sub-${username}`, preferredUsername, status: 'CONFIRMED', enabled: true, ...details };
}

function row(handle: string, subject: string | null = null): SubjectRow {
  return { id: `id-${handle}`, handle, subject };
}

describe('a user who has the handle of a row', () => {
  test('is added to a row without a subject, whatever the case of the handle', () => {
    const plan = planSubjects([user('a', 'BayKo')], [row('bayKO')]);

    expect(plan).toEqual({
      ...NOTHING,
      added: [{ id: 'id-bayKO', handle: 'bayKO', subject: 'sub-a', username: 'a' }],
    });
  });

  test('changes a row with another subject, which is that of nobody in the pool', () => {
    const plan = planSubjects([user('a', 'bayko')], [row('bayko', 'old')]);

    expect(plan.changed).toEqual([
      { id: 'id-bayko', handle: 'bayko', before: 'old', subject: 'sub-a', username: 'a', lockedOut: null },
    ]);
  });

  test('changes nothing of the row that they have already', () => {
    expect(planSubjects([user('a', 'bayko')], [row('bayko', 'sub-a')])).toEqual({ ...NOTHING, unchanged: 1 });
  });

  test('locks out the user who had the row and has no other now', () => {
    const had = user('b', undefined);

    const plan = planSubjects([user('a', 'bayko'), had], [row('bayko', 'sub-b')]);

    expect(plan.changed).toEqual([expect.objectContaining({ subject: 'sub-a', before: 'sub-b', lockedOut: 'b' })]);
    expect(plan.unmatched).toEqual([had]);
  });

  test('takes their subject along from the row that had it, which is left without', () => {
    const plan = planSubjects([user('a', 'londo')], [row('bayko', 'sub-a'), row('londo', 'old')]);

    expect(plan.changed).toEqual([
      { id: 'id-bayko', handle: 'bayko', before: 'sub-a', subject: null, username: null, lockedOut: null },
      { id: 'id-londo', handle: 'londo', before: 'old', subject: 'sub-a', username: 'a', lockedOut: null },
    ]);
  });

  test('may change places with another, and nobody is locked out', () => {
    const plan = planSubjects([user('a', 'londo'), user('b', 'bayko')], [row('bayko', 'sub-a'), row('londo', 'sub-b')]);

    expect(plan.changed.map(({ handle, subject, lockedOut }) => [handle, subject, lockedOut])).toEqual([
      ['bayko', 'sub-b', null],
      ['londo', 'sub-a', null],
    ]);
  });

  test('gets it also when another identity provider vouches for them', () => {
    const plan = planSubjects([user('a', 'bayko', { status: 'EXTERNAL_PROVIDER' })], [row('bayko')]);

    expect(plan).toMatchObject({ added: [{ username: 'a' }], skipped: [] });
  });
});

describe('a user has no row', () => {
  test.each([
    ['without a handle', undefined],
    ['with a handle of nobody', 'nobody'],
    ['with an empty handle', ''],
    ['with a handle that nobody could have', 'bay ko'],
    ['whose handle in lower case is another one', '\u212Aim'],
  ])('%s', (_, preferredUsername) => {
    const one = user('a', preferredUsername);

    expect(planSubjects([one], [row('bayko'), row('kim')])).toEqual({ ...NOTHING, unmatched: [one] });
  });

  test('whose handle another user has too: neither is taken, and the row stays as it is', () => {
    const plan = planSubjects([user('a', 'bayko'), user('b', 'BAYKO')], [row('bayko', 'sub-a')]);

    expect(plan).toEqual({ ...NOTHING, ambiguous: [{ handle: 'bayko', usernames: ['a', 'b'] }] });
  });

  test.each<[string, Partial<PoolUser>]>([
    ['who is disabled', { enabled: false }],
    ...['UNCONFIRMED', 'FORCE_CHANGE_PASSWORD', 'RESET_REQUIRED', 'COMPROMISED', 'ARCHIVED', 'UNKNOWN'].map(
      (status): [string, Partial<PoolUser>] => [`who is ${status}`, { status }],
    ),
  ])('%s, and keeps nobody else from theirs', (_, details) => {
    const skipped = user('b', 'bayko', details);

    const plan = planSubjects([user('a', 'bayko'), skipped], [row('bayko')]);

    expect(plan).toMatchObject({ added: [{ username: 'a' }], ambiguous: [], skipped: [skipped] });
  });
});

describe('whatever is in the pool and in the directory', () => {
  const HANDLES = ['ann', 'ben', 'cat', 'dan', 'eve'];
  const SUBJECTS = ['1', '2', '3', '4', '5', '6'];
  const anyCase = fc
    .tuple(fc.constantFrom(...HANDLES), fc.boolean())
    .map(([handle, isUpper]) => (isUpper ? handle.toUpperCase() : handle));
  const users = fc.uniqueArray(
    fc.record({
      username: fc.string(),
      subject: fc.constantFrom(...SUBJECTS),
      preferredUsername: fc.option(anyCase, { nil: undefined }),
      status: fc.constantFrom('CONFIRMED', 'CONFIRMED', 'CONFIRMED', 'UNCONFIRMED'),
      enabled: fc.integer({ min: 0, max: 4 }).map((roll) => roll > 0),
    }),
    { selector: ({ subject }) => subject },
  );
  const rows = fc
    .tuple(
      fc.subarray(HANDLES),
      fc.shuffledSubarray(['other', ...SUBJECTS], { minLength: 5 }),
      fc.infiniteStream(fc.boolean()),
    )
    .map(([handles, subjects, hasSubject]) =>
      handles.map(
        (handle, index): SubjectRow => row(handle, hasSubject.next().value ? (subjects[index] ?? null) : null),
      ),
    );

  test('no two rows have the same subject, and every user who alone has a row’s handle has the row', () => {
    fc.assert(
      fc.property(users, rows, (pool, directory) => {
        const after = carriedOut(directory, planSubjects(pool, directory));

        const subjects = after.flatMap(({ subject }) => subject ?? []);
        expect(new Set(subjects).size).toBe(subjects.length);
        for (const { handle, subject } of after) {
          const having = pool.filter((each) => canSignIn(each) && each.preferredUsername?.toLowerCase() === handle);
          if (having.length === 1) expect(subject).toBe(having[0]?.subject);
        }
      }),
    );
  });

  test('a row whose handle no single user has keeps its subject, unless that is another row’s', () => {
    fc.assert(
      fc.property(users, rows, (pool, directory) => {
        const after = carriedOut(directory, planSubjects(pool, directory));

        for (const [index, { handle, subject }] of directory.entries()) {
          const having = pool.filter((each) => canSignIn(each) && each.preferredUsername?.toLowerCase() === handle);
          if (having.length === 1) continue;
          const isElsewhere = after.some((each) => each.handle !== handle && each.subject === subject);
          expect(after[index]?.subject).toBe(isElsewhere ? null : subject);
        }
      }),
    );
  });

  test('every user is accounted for once, in any order of users and rows', () => {
    fc.assert(
      fc.property(users, rows, (pool, directory) => {
        const plan = planSubjects(pool, directory);
        const turned = planSubjects(pool.toReversed(), directory.toReversed());

        const taken = [...plan.changed.flatMap(({ subject }) => subject ?? []), ...plan.added].length + plan.unchanged;
        const ambiguous = plan.ambiguous.flatMap(({ usernames }) => usernames).length;
        expect(taken + ambiguous + plan.unmatched.length + plan.skipped.length).toBe(pool.length);
        expect(turned).toMatchObject({ changed: plan.changed, added: plan.added, unchanged: plan.unchanged });
      }),
    );
  });

  test('done twice, the second time changes nothing', () => {
    fc.assert(
      fc.property(users, rows, (pool, directory) => {
        const after = carriedOut(directory, planSubjects(pool, directory));

        expect(planSubjects(pool, after)).toMatchObject({ changed: [], added: [] });
      }),
    );
  });
});

/** The rows with what the plan says. */
function carriedOut(rows: readonly SubjectRow[], { changed, added }: SubjectPlan): SubjectRow[] {
  const subjects = new Map<string, string | null>([...changed, ...added].map(({ id, subject }) => [id, subject]));
  return rows.map((each) => ({
    ...each,
    subject: subjects.get(each.id) ?? (subjects.has(each.id) ? null : each.subject),
  }));
}
