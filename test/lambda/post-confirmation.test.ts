import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import { createPostConfirmation, SignUpError } from '../../src/lambda/sign-ups.ts';
import { addPerson, type PersonRow } from '../../src/users/people.ts';
import { openPool } from '../../src/users/pool.ts';
import { freePort } from '../support/engines.ts';
import { aNewcomer, signUpEvent } from '../support/sign-ups.ts';

const SQL = "'); DROP TABLE users; --";

let pool: pg.Pool;
let handler: ReturnType<typeof createPostConfirmation>;
const logged: object[] = [];

beforeAll(() => {
  pool = openPool({ url: inject('databaseUrl'), poolSize: 1, onIdleError: () => {} });
  handler = createPostConfirmation(pool, aLog());
});
afterAll(() => pool.end());

test('who signs up has a row, and Cognito has its event back', async () => {
  const attributes = { ...aNewcomer(), name: 'Åsa Nyström' };
  const event = signUpEvent(attributes);

  expect(await handler(event)).toBe(event);

  expect(await rowsOf(attributes.sub)).toEqual([
    {
      id: expect.any(String),
      handle: attributes.preferred_username,
      displayName: 'Åsa Nyström',
      email: attributes.email,
      subject: attributes.sub,
    },
  ]);
});

test.each([
  ['without a name', undefined],
  ['with an empty name', ''],
  ['with a name of spaces', '  '],
])('who signs up %s is shown by their handle', async (_, name) => {
  const attributes = { ...aNewcomer(), ...(name !== undefined && { name }) };

  await handler(signUpEvent(attributes));

  expect(await rowsOf(attributes.sub)).toMatchObject([{ displayName: attributes.preferred_username }]);
});

test('who comes again, even with other attributes, has one row, as it was', async () => {
  const attributes = aNewcomer();
  await handler(signUpEvent(attributes));
  const before = await rowsOf(attributes.sub);
  const [again, renamed] = [signUpEvent(attributes), signUpEvent({ ...aNewcomer(), sub: attributes.sub })];

  expect(await handler(again)).toBe(again);
  expect(await handler(renamed)).toBe(renamed);

  expect(await rowsOf(attributes.sub)).toEqual(before);
});

test('calls that come at once make one row, and each of them succeeds', async () => {
  const attributes = aNewcomer();
  const handlers = Array.from({ length: 4 }, () => {
    const itsPool = openPool({ url: inject('databaseUrl'), poolSize: 1, onIdleError: () => {} });
    onTestFinished(() => itsPool.end());
    return createPostConfirmation(itsPool, aLog());
  });

  await Promise.all(handlers.map((each) => each(signUpEvent(attributes))));

  expect(await rowsOf(attributes.sub)).toHaveLength(1);
});

test('a confirmed new password adds nobody', async () => {
  const attributes = aNewcomer();
  const event = { ...signUpEvent(attributes), triggerSource: 'PostConfirmation_ConfirmForgotPassword' };

  expect(await handler(event)).toBe(event);

  expect(await rowsOf(attributes.sub)).toEqual([]);
});

test.each([
  ['taken', (handle: string) => handle],
  ['taken, in other letters', (handle: string) => handle.toUpperCase()],
])('a handle that is %s is refused, and its owner keeps it', async (_, spell) => {
  const owner = aNewcomer();
  await handler(signUpEvent(owner));
  const late = { ...aNewcomer(), preferred_username: spell(owner.preferred_username) };

  await expect(handler(signUpEvent(late))).rejects.toThrow(new SignUpError('The handle is taken'));

  expect(await rowsOf(late.sub)).toEqual([]);
  expect(await rowsOf(owner.sub)).toMatchObject([{ handle: owner.preferred_username }]);
});

test('a handle that was set aside for somebody who never signed up is theirs, not who signs up with it', async () => {
  const { preferred_username: handle, email, sub } = aNewcomer();
  await addPerson(pool, { handle, displayName: 'Set Aside', email, subject: null });

  await expect(handler(signUpEvent({ sub, email, preferred_username: handle }))).rejects.toThrow('The handle is taken');

  expect(await rowsOf(sub)).toEqual([]);
});

test.each<[string, Record<string, string | undefined>, string]>([
  ['no handle', { preferred_username: undefined }, 'The account has no handle: preferred_username is missing'],
  ['an empty handle', { preferred_username: '' }, 'The account has no handle: preferred_username is missing'],
  ['a handle that is none', { preferred_username: 'bay ko' }, 'A handle is 1 to 30 letters, digits and underscores'],
  ['a handle with NUL', { preferred_username: 'bay\0ko' }, 'A text has a character that is none'],
  ['a name that is too long', { name: 'x'.repeat(101) }, 'A display name has 1 to 100 characters'],
  ['no email address', { email: undefined }, 'The account has no email address'],
  ['an email address that is none', { email: '@' }, 'An email address has 3 to 254 characters'],
  ['a subject that is too long', { sub: 'x'.repeat(256) }, 'A subject has 1 to 255 characters'],
])('%s is refused with a sentence', async (_, attributes, message) => {
  await expect(handler(signUpEvent({ ...aNewcomer(), ...attributes }))).rejects.toThrow(new SignUpError(message));
});

test('SQL in any attribute is text', async () => {
  const attributes = {
    ...aNewcomer(),
    sub: `${randomUUID()}${SQL}`,
    name: `Robert${SQL}`,
    email: `r${SQL}@example.com`,
  };

  await handler(signUpEvent(attributes));
  await expect(handler(signUpEvent({ ...aNewcomer(), preferred_username: SQL }))).rejects.toThrow('A handle is');

  expect(await rowsOf(attributes.sub)).toMatchObject([
    { displayName: `Robert${SQL}`, email: attributes.email, subject: attributes.sub },
  ]);
});

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['another trigger’s event', { ...signUpEvent(aNewcomer()), triggerSource: 'PreSignUp_SignUp' }],
  ['an event without attributes', { triggerSource: 'PostConfirmation_ConfirmSignUp', request: {} }],
  ['an event without a subject', signUpEvent({ ...aNewcomer(), sub: '' })],
  ['attributes that are no text', signUpEvent({ ...aNewcomer(), name: { toString: 'x' } as unknown as string })],
])('%s is refused', async (_, event) => {
  await expect(handler(event)).rejects.toThrow(new SignUpError('The account could not be added to the directory'));
});

test('a directory that does not answer is told with nothing internal, well before Cognito gives up', async () => {
  const url = `postgres://postgres@127.0.0.1:${await freePort()}/postgres`;
  const unreachable = openPool({ url, poolSize: 1, onIdleError: () => {} });
  onTestFinished(() => unreachable.end());
  const startedAt = performance.now();

  await expect(createPostConfirmation(unreachable, aLog())(signUpEvent(aNewcomer()))).rejects.toThrow(
    new SignUpError('The directory of people does not answer. Try again'),
  );

  expect(performance.now() - startedAt).toBeLessThan(5_000);
});

test('an unexpected error is told with nothing internal, and logged with its cause', async () => {
  const attributes = aNewcomer();
  // With a single session behind the socket, no path of another one may outlive its transaction.
  const tableless: pg.Pool = Object.assign(Object.create(pool), {
    query: async (text: string, values: unknown[]) => {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        await client.query('SET LOCAL search_path TO pg_catalog');
        return await client.query(text, values);
      } finally {
        await client.query('ROLLBACK');
        client.release();
      }
    },
  });
  logged.length = 0;

  await expect(createPostConfirmation(tableless, aLog())(signUpEvent(attributes))).rejects.toThrow(
    new SignUpError('The account could not be added to the directory'),
  );

  expect(logged).toEqual([{ subject: attributes.sub, err: expect.objectContaining({ code: '42P01' }) }]);
});

test('what is refused is logged by subject and reason, without the person’s data', async () => {
  const attributes = { ...aNewcomer(), preferred_username: 'bay ko' };
  logged.length = 0;

  await handler(signUpEvent(attributes)).catch(() => {});

  expect(logged).toEqual([{ subject: attributes.sub, reason: 'A handle is 1 to 30 letters, digits and underscores.' }]);
});

function aLog() {
  const write = (details: object) => void logged.push(details);
  return { info: write, warn: write, error: write };
}

async function rowsOf(subject: string): Promise<PersonRow[]> {
  const { rows } = await pool.query(
    `SELECT id, handle, display_name AS "displayName", email, cognito_user_id AS subject
     FROM users WHERE cognito_user_id = $1`,
    [subject],
  );
  return rows;
}
