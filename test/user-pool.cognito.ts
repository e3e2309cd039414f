import { randomBytes } from 'node:crypto';
import {
  AdminDisableUserCommand,
  AdminUpdateUserAttributesCommand,
  ConfirmSignUpCommand,
  SignUpCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import type pg from 'pg';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { openPool } from '../src/users/pool.ts';
import { type ApiProcess, startApi } from './support/api-process.ts';
import {
  attributes,
  CONFIRMATION_CODE,
  type CognitoLocal,
  PASSWORD,
  startCognitoLocal,
  USER_POOL_ID,
} from './support/cognito-local.ts';
import { type Ended, runCli } from './support/command-line.ts';
import { type FunctionService, serveFunction } from './support/functions.ts';
import { addPeople, type Person } from './support/people.ts';
import { aTable } from './support/table.ts';
import { serveUserPool, type UserPoolService } from './support/user-pool.ts';

/** How many people have a row, and a user of their own with its handle. */
const MATCHED = 120;
/** How many of them had another subject before. */
const CHANGED = 10;
const NOTHING_CHANGED = { changed: [], added: [], unchanged: MATCHED };

let pool: pg.Pool;
let functions: FunctionService;
let cognito: CognitoLocal;
/** cognito-local's users in pages, as Amazon Cognito hands them out: cognito-local itself hands out all at once. */
let pages: UserPoolService;
let clientId: string;
/** Those who are matched, and one whose handle two users have. */
let people: Person[];
/** By the index of the person. */
const subjects: string[] = [];

beforeAll(async () => {
  pool = openPool({ url: inject('databaseUrl'), poolSize: 1, onIdleError: () => {} });
  vi.stubEnv('DATABASE_URL', inject('databaseUrl'));
  vi.stubEnv('LOG_LEVEL', 'error');
  functions = await serveFunction((await import('../src/lambda/post-confirmation.ts')).handler);
  cognito = await startCognitoLocal(functions.endpoint);
  pages = await serveUserPool(cognito.listUsers);
  clientId = await cognito.addClient('messages');
  people = await addPeople(pool, MATCHED + 1);
  await pool.query('UPDATE users SET cognito_user_id = NULL WHERE id = ANY($1)', [
    people.slice(CHANGED).map(({ id }) => id),
  ]);
  await addUsers();
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await pages?.stop();
  await cognito?.stop();
  await functions?.stop();
  await pool.end();
});

/** 130 users: those who are matched, five who are nobody's match, two rivals, and three who can't sign in. */
async function addUsers(): Promise<void> {
  for (const [index, { handle }] of people.slice(0, MATCHED).entries()) {
    subjects.push(await cognito.addUser(`user-${index}`, handle.toUpperCase()));
  }
  for (const name of ['nameless-1', 'nameless-2', 'nameless-3']) await cognito.addUser(name, undefined);
  for (const name of ['stranger_1', 'stranger_2']) await cognito.addUser(name, name);
  for (const name of ['rival-1', 'rival-2']) await cognito.addUser(name, people.at(-1)?.handle);
  await cognito.addUser('invited', people[0]?.handle, false);
  await cognito.addUser('disabled', people[1]?.handle);
  await cognito.client.send(new AdminDisableUserCommand({ UserPoolId: USER_POOL_ID, Username: 'disabled' }));
  await signUp('unconfirmed', people[2]?.handle);
}

async function signUp(username: string, preferredUsername: string | undefined): Promise<void> {
  await cognito.client.send(
    new SignUpCommand({
      ClientId: clientId,
      Username: username,
      Password: PASSWORD,
      UserAttributes: attributes(username, preferredUsername),
    }),
  );
}

test('a dry run of 130 users tells what a real one does, and writes nothing', async () => {
  const before = await storedSubjects();

  const ended = await sync(pages.endpoint, '--dry-run', '--json');

  const { changed, added, unmatched, ambiguous, skipped, unchanged } = resultOf(ended);
  expect([changed.length, added.length, unchanged]).toEqual([CHANGED, MATCHED - CHANGED, 0]);
  expect(unmatched.map(({ username }) => username).sort()).toEqual([
    'nameless-1',
    'nameless-2',
    'nameless-3',
    'stranger_1',
    'stranger_2',
  ]);
  expect(ambiguous).toEqual([{ handle: people.at(-1)?.handle, usernames: ['rival-1', 'rival-2'] }]);
  expect(skipped.map(({ username, status, enabled }) => [username, status, enabled])).toEqual([
    ['invited', 'FORCE_CHANGE_PASSWORD', true],
    ['disabled', 'CONFIRMED', false],
    ['unconfirmed', 'UNCONFIRMED', true],
  ]);
  expect(pages.requests.map(({ PaginationToken }) => PaginationToken)).toEqual([undefined, '60', '120']);
  expect(await storedSubjects()).toEqual(before);
});

test('everybody gets the subject of the user who has their handle, and the second time nothing changes', async () => {
  const first = await sync(pages.endpoint);
  const after = await storedSubjects();
  const second = await sync(pages.endpoint, '--json');

  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toContain('10 changed, 110 added, 5 unmatched, 1 ambiguous, 3 skipped, 0 unchanged.\n');
  expect(after).toEqual([...subjects, null]);
  expect(resultOf(second)).toMatchObject(NOTHING_CHANGED);
  expect(await storedSubjects()).toEqual(after);
});

test('an endpoint that hands out all users at once will do', async () => {
  expect(resultOf(await sync(cognito.endpoint, '--json'))).toMatchObject(NOTHING_CHANGED);
});

test('users who change handles change rows', async () => {
  const [ann, ben] = people as [Person, Person];
  await rename('user-0', ben.handle);
  await rename('user-1', ann.handle);

  const changed = resultOf(await sync(pages.endpoint, '--json'));
  const after = await storedSubjects();
  await rename('user-0', ann.handle);
  await rename('user-1', ben.handle);
  await sync(pages.endpoint);

  expect(changed.changed).toHaveLength(2);
  expect(after.slice(0, 3)).toEqual([subjects[1], subjects[0], subjects[2]]);
  expect(await storedSubjects()).toEqual([...subjects, null]);
});

test('who signs in writes and reads with the access token', async () => {
  const [ann, ben] = people as [Person, Person];
  const api = await anApi();
  const [annsToken, bensToken] = await Promise.all(
    ['user-0', 'user-1'].map(async (username) => (await cognito.signIn(clientId, username)).accessToken),
  );

  const viewer = await api.post(annsToken ?? '', '{ viewer { id handle } }');
  const sent = await api.post(
    annsToken ?? '',
    `mutation ($to: [String!]!) {
      createMessage(input: { to: { recipientHandles: $to }, body: "Signed in" }) { messageGroup { id } userErrors { code } }
    }`,
    { to: [ben.handle] },
  );
  const read = await api.post(
    bensToken ?? '',
    'query ($id: ID!) { messages(messageGroupId: $id) { edges { node { body sender { handle } } } } }',
    { id: sent.data.createMessage.messageGroup.id },
  );

  expect(viewer).toEqual({ status: 200, data: { viewer: { id: ann.id, handle: ann.handle } } });
  expect(sent.data.createMessage.userErrors).toEqual([]);
  expect(read).toEqual({
    status: 200,
    data: { messages: { edges: [{ node: { body: 'Signed in', sender: { handle: ann.handle } } }] } },
  });
});

test('an id token, a token of another client, and one of somebody without a row are refused', async () => {
  const api = await anApi();
  const { idToken } = await cognito.signIn(clientId, 'user-0');
  const { accessToken: foreign } = await cognito.signIn(await cognito.addClient('another'), 'user-0');
  const { accessToken: stranger } = await cognito.signIn(clientId, 'stranger_1');

  const replies = await Promise.all(
    [idToken, foreign, stranger].map((token) => api.post(token, '{ viewer { handle } }')),
  );

  expect(replies.map(({ status, errors }) => [status, errors?.[0]?.extensions.code, errors?.[0]?.message])).toEqual([
    [401, 'UNAUTHENTICATED', 'The token is not valid.'],
    [401, 'UNAUTHENTICATED', 'The token is not valid.'],
    [401, 'UNAUTHENTICATED', 'The token is valid, but the directory has nobody with its subject.'],
  ]);
});

test('who signs up is added to the directory by the trigger, and gets in at once', async () => {
  const handle = `new_${randomBytes(8).toString('hex')}`;
  const api = await anApi();
  await signUp(handle, handle);
  await cognito.client.send(
    new ConfirmSignUpCommand({ ClientId: clientId, Username: handle, ConfirmationCode: CONFIRMATION_CODE }),
  );
  const { accessToken } = await cognito.signIn(clientId, handle);

  const viewer = await api.post(accessToken, '{ viewer { handle displayName } }');

  expect(functions.events).toHaveLength(1);
  expect(viewer).toEqual({ status: 200, data: { viewer: { handle, displayName: handle } } });
});

function sync(endpoint: string, ...options: string[]): Promise<Ended> {
  const environment = {
    DATABASE_URL: inject('databaseUrl'),
    COGNITO_USER_POOL_ID: USER_POOL_ID,
    COGNITO_ENDPOINT: endpoint,
  };
  return runCli(environment, 'users', 'sync-cognito', ...options);
}

/** What the command says as JSON. */
function resultOf(ended: Ended) {
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(ended.stdout) as Record<'changed' | 'added' | 'ambiguous', object[]> & {
    readonly unmatched: readonly { readonly username: string }[];
    readonly skipped: readonly { readonly username: string; readonly status: string; readonly enabled: boolean }[];
    readonly unchanged: number;
  };
}

async function rename(username: string, preferredUsername: string): Promise<void> {
  const UserAttributes = [{ Name: 'preferred_username', Value: preferredUsername }];
  await cognito.client.send(
    new AdminUpdateUserAttributesCommand({ UserPoolId: USER_POOL_ID, Username: username, UserAttributes }),
  );
}

/** The people's subjects, as the directory has them. */
async function storedSubjects(): Promise<(string | null)[]> {
  const ids = people.map(({ id }) => id);
  const { rows } = await pool.query('SELECT id, cognito_user_id FROM users WHERE id = ANY($1)', [ids]);
  const stored = new Map(rows.map(({ id, cognito_user_id }) => [id, cognito_user_id]));
  return ids.map((id) => stored.get(id));
}

/** The API, with the pool as its issuer. */
async function anApi(): Promise<ApiProcess> {
  return startApi(await aTable(), {
    OIDC_ISSUER: cognito.issuer,
    OIDC_JWKS_URI: cognito.jwksUri,
    OIDC_AUDIENCE: clientId,
  });
}
