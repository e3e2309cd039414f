import { randomBytes, randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import { openPool } from '../../src/users/pool.ts';
import type { PoolUser } from '../../src/users/user-pool.ts';
import { type Ended, runCli, runCommand } from '../support/command-line.ts';
import { addPeople, type Person } from '../support/people.ts';
import { type ListedUser, listed, serveUserPool, type UserPoolService } from '../support/user-pool.ts';

const USER_POOL_ID = 'eu-central-1_Test00001';

let pool: pg.Pool;
beforeAll(() => {
  pool = openPool({ url: inject('databaseUrl'), poolSize: 1, onIdleError: () => {} });
});
afterAll(() => pool.end());

test('people get the subjects of the users who have their handles, page after page, and the second time none', async () => {
  const people = await addPeople(pool, 130);
  await pool.query('UPDATE users SET cognito_user_id = NULL WHERE id = ANY($1)', [
    people.slice(10).map(({ id }) => id),
  ]);
  const users = people.map(({ handle }) => aUser(handle.toUpperCase()));
  const service = await aService(users.map(listed));

  const first = await sync(service);
  const second = await sync(service);

  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(lastLine(first)).toBe('10 changed, 120 added, 0 unmatched, 0 ambiguous, 0 skipped, 0 unchanged.');
  expect(await subjectsOf(people)).toEqual(users.map(({ subject }) => subject));
  expect(second).toEqual({
    code: 0,
    stdout: '0 changed, 0 added, 0 unmatched, 0 ambiguous, 0 skipped, 130 unchanged.\n',
    stderr: '',
  });
  expect(service.requests.map(({ Limit, PaginationToken }) => [Limit, PaginationToken]).slice(0, 3)).toEqual([
    [60, undefined],
    [60, '60'],
    [60, '120'],
  ]);
  // Cognito refuses to pick out an attribute that some user lacks.
  expect(service.requests.every(({ AttributesToGet }) => AttributesToGet === undefined)).toBe(true);
});

test('what locks somebody out is printed first; who has no row, or must not have one, is told', async () => {
  const [ann, ben, cat, dan] = (await addPeople(pool, 4)) as [Person, Person, Person, Person];
  await pool.query('UPDATE users SET cognito_user_id = NULL WHERE id = $1', [dan.id]);
  const taker = aUser(ann.handle);
  const had = aUser(undefined, { subject: ann.subject });
  const joiner = aUser(dan.handle);
  const rivals = [aUser(ben.handle), aUser(ben.handle.toUpperCase())];
  const stranger = aUser(`x${dan.handle}`);
  const unconfirmed = aUser(cat.handle, { status: 'UNCONFIRMED' });
  const disabled = aUser(cat.handle, { enabled: false });
  const service = await aService([taker, had, joiner, ...rivals, stranger, unconfirmed, disabled].map(listed));

  const text = await sync(service, '--dry-run');
  const { stdout } = await sync(service, '--json');

  expect(text.stdout.split('\n')).toEqual([
    `changed ${ann.handle}: ${ann.subject} -> ${taker.subject} (${taker.username}), which locks out ${had.username}`,
    `added ${dan.handle}: ${joiner.subject} (${joiner.username})`,
    `ambiguous ${ben.handle}: ${rivals.map(({ username }) => username).join(', ')}`,
    `unmatched ${had.username}: ${had.subject}, no handle`,
    `unmatched ${stranger.username}: ${stranger.subject}, nobody is ${stranger.preferredUsername}`,
    `skipped ${unconfirmed.username}: ${unconfirmed.subject}, UNCONFIRMED`,
    `skipped ${disabled.username}: ${disabled.subject}, disabled`,
    '1 changed, 1 added, 2 unmatched, 1 ambiguous, 2 skipped, 0 unchanged.',
    'Nothing was written: this was a dry run.',
    '',
  ]);
  expect(JSON.parse(stdout)).toMatchObject({
    dryRun: false,
    changed: [{ id: ann.id, before: ann.subject, subject: taker.subject, lockedOut: had.username }],
    added: [{ id: dan.id, subject: joiner.subject }],
    ambiguous: [{ handle: ben.handle, usernames: rivals.map(({ username }) => username) }],
    unmatched: [had, stranger].map(({ subject }) => ({ subject })),
    skipped: [unconfirmed, disabled].map(({ subject }) => ({ subject })),
    unchanged: 0,
  });
  expect(await subjectsOf([ann, ben, cat, dan])).toEqual([taker.subject, ben.subject, cat.subject, joiner.subject]);
});

test('a dry run tells the same, and writes nothing', async () => {
  const people = await addPeople(pool, 2);
  const service = await aService(people.map(({ handle }) => listed(aUser(handle))));

  const dry = await sync(service, '--dry-run', '--json');
  const untouched = await subjectsOf(people);
  const real = await sync(service, '--json');

  expect({ ...JSON.parse(dry.stdout), dryRun: false }).toEqual(JSON.parse(real.stdout));
  expect(untouched).toEqual(people.map(({ subject }) => subject));
  expect(await subjectsOf(people)).not.toEqual(untouched);
});

test('two users whose handles were changed for each other’s change places', async () => {
  const [ann, ben] = (await addPeople(pool, 2)) as [Person, Person];
  const service = await aService(
    [aUser(ben.handle, { subject: ann.subject }), aUser(ann.handle, { subject: ben.subject })].map(listed),
  );

  await sync(service);

  expect(await subjectsOf([ann, ben])).toEqual([ben.subject, ann.subject]);
});

test('a user with the handle of another row takes their subject there, and their former row has none', async () => {
  const [ann, ben] = (await addPeople(pool, 2)) as [Person, Person];
  const service = await aService([listed(aUser(ben.handle, { subject: ann.subject }))]);

  const { stdout } = await sync(service);

  expect(stdout).toContain(`changed ${ann.handle}: ${ann.subject} -> none, as its user has another handle\n`);
  expect(await subjectsOf([ann, ben])).toEqual([null, ann.subject]);
});

test('a user who is on two pages, because the pool changed in between, is no rival of themselves', async () => {
  const [ann] = (await addPeople(pool, 1)) as [Person];
  const user = aUser(ann.handle);
  const others = Array.from({ length: 60 }, () => listed(aUser(undefined)));
  const service = await aService([listed(user), ...others, listed(user)]);

  await sync(service);

  expect(await subjectsOf([ann])).toEqual([user.subject]);
});

test('a throttled page is asked for again', async () => {
  const [ann] = (await addPeople(pool, 1)) as [Person];
  const user = aUser(ann.handle);
  const throttled = (request: number) => (request === 1 ? 'TooManyRequestsException' : undefined);
  const service = await aService([listed(user)], throttled);

  expect(await sync(service)).toMatchObject({ code: 0, stderr: '' });

  expect(await subjectsOf([ann])).toEqual([user.subject]);
});

test('a page that can’t be had leaves the directory as it was', async () => {
  const people = await addPeople(pool, 61);
  const failing = (request: number) => (request === 2 ? 'NotAuthorizedException' : undefined);
  const service = await aService(
    people.map(({ handle }) => listed(aUser(handle))),
    failing,
  );

  const ended = await sync(service);

  expect(ended).toEqual({
    code: 1,
    stdout: '',
    stderr: `The user pool ${USER_POOL_ID} can't be read: NotAuthorizedException: As told\n`,
  });
  expect(await subjectsOf(people)).toEqual(people.map(({ subject }) => subject));
});

test('a pool that does not answer, and a user without a sub, are told', async () => {
  const gone = await aService([]);
  await gone.stop();
  const service = await aService([{ ...listed(aUser(undefined)), Attributes: [] }]);

  const [unreachable, malformed] = [await sync(gone), await sync(service)];

  expect(unreachable).toMatchObject({ code: 1, stderr: expect.stringContaining('ECONNREFUSED') });
  expect(malformed).toMatchObject({ code: 1, stderr: expect.stringMatching(/ A user has no sub\n$/) });
});

test('a directory that takes back the transaction keeps every row as it was', async () => {
  const people = (await addPeople(pool, 2)) as [Person, Person];
  // Longer than the directory takes it: refused when both rows have lost their subjects already.
  const users = [aUser(people[0].handle), aUser(people[1].handle, { subject: 'x'.repeat(256) })];
  const service = await aService(users.map(listed));

  expect(await sync(service)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('users_cognito_user_id_check'),
  });

  expect(await subjectsOf(people)).toEqual(people.map(({ subject }) => subject));
});

test('the command line tells that the pool’s id is missing', async () => {
  const ended = await runCli({ DATABASE_URL: inject('databaseUrl') }, 'users', 'sync-cognito');

  expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('COGNITO_USER_POOL_ID is required') });
});

function aUser(preferredUsername: string | undefined, details: Partial<PoolUser> = {}): PoolUser {
  const username = `u_${randomBytes(8).toString('hex')}`;
  return { username, subject: randomUUID(), preferredUsername, status: 'CONFIRMED', enabled: true, ...details };
}

/** A pool of these users, until the test is over. */
async function aService(
  users: readonly ListedUser[],
  fault?: (request: number) => string | undefined,
): Promise<UserPoolService> {
  const service = await serveUserPool(async () => users, fault);
  onTestFinished(() => service.stop());
  return service;
}

function sync({ endpoint }: UserPoolService, ...options: string[]): Promise<Ended> {
  const environment = {
    DATABASE_URL: inject('databaseUrl'),
    COGNITO_USER_POOL_ID: USER_POOL_ID,
    COGNITO_ENDPOINT: endpoint,
  };
  return runCommand(environment, 'users', 'sync-cognito', ...options);
}

async function subjectsOf(people: readonly Person[]): Promise<(string | null)[]> {
  const ids = people.map(({ id }) => id);
  const { rows } = await pool.query('SELECT id, cognito_user_id FROM users WHERE id = ANY($1)', [ids]);
  const subjects = new Map(rows.map(({ id, cognito_user_id }) => [id, cognito_user_id]));
  return ids.map((id) => subjects.get(id));
}

function lastLine({ stdout }: Ended): string | undefined {
  return stdout.trimEnd().split('\n').at(-1);
}
