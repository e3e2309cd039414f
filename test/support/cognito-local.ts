import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AdminCreateUserCommand,
  AdminSetUserPasswordCommand,
  CognitoIdentityProviderClient,
  CreateUserPoolClientCommand,
  InitiateAuthCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { inject } from 'vitest';
import { freePort } from './engines.ts';
import type { ListedUser } from './user-pool.ts';

/** What cognito-local calls its pools has no region in it. */
export const USER_POOL_ID = 'eu-central-1_Local00001';
/** What cognito-local sends to who signs up, which it prints and nobody reads. */
export const CONFIRMATION_CODE = '123456';
export const PASSWORD = 'Correct-horse-1';

const PATIENCE_MS = 20_000;

/** cognito-local, with one pool. */
export interface CognitoLocal {
  readonly endpoint: string;
  /** As its tokens name it. */
  readonly issuer: string;
  readonly jwksUri: string;
  readonly client: CognitoIdentityProviderClient;
  /** Adds an app client to the pool. @returns its id */
  addClient(name: string): Promise<string>;
  /** Adds a user as an administrator does. @returns their subject */
  addUser(username: string, preferredUsername: string | undefined, isConfirmed?: boolean): Promise<string>;
  /** Signs a user in. */
  signIn(clientId: string, username: string): Promise<Tokens>;
  /** Every user, all at once: it has no pages. */
  listUsers(userPoolId: string): Promise<readonly ListedUser[]>;
  stop(): Promise<void>;
}

export interface Tokens {
  readonly accessToken: string;
  readonly idToken: string;
}

/** Starts it with its data in a folder of its own, which goes when it is stopped. */
export async function startCognitoLocal(functionsEndpoint: string): Promise<CognitoLocal> {
  const folder = await mkdtemp(join(tmpdir(), 'cognito-local-'));
  const data = join(folder, '.cognito');
  await mkdir(join(data, 'db'), { recursive: true });
  await writeFile(
    join(data, 'db', `${USER_POOL_ID}.json`),
    JSON.stringify({ Users: {}, Options: { Id: USER_POOL_ID } }),
  );
  await writeFile(
    join(data, 'config.json'),
    JSON.stringify({
      TriggerFunctions: { PostConfirmation: 'post-confirmation' },
      LambdaClient: { endpoint: functionsEndpoint, region: 'local' },
    }),
  );
  const port = await freePort();
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [inject('cognitoLocal')], {
    cwd: folder,
    env: {
      PATH,
      HOME,
      HOST: '127.0.0.1',
      PORT: String(port),
      CODE: CONFIRMATION_CODE,
      AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE: 'true',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const stop = async () => {
    child.kill();
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    // It says when it listens, and nothing before.
    const listening = once(child.stdout, 'data', { signal: AbortSignal.timeout(PATIENCE_MS) });
    const failed = exited.then(() => Promise.reject(new Error('cognito-local did not start')));
    await Promise.race([listening, failed]);
    child.stdout.resume();
  } catch (error) {
    await stop();
    throw error;
  }

  const endpoint = `http://127.0.0.1:${port}`;
  const issuer = `${endpoint}/${USER_POOL_ID}`;
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new CognitoIdentityProviderClient({ endpoint, region: 'eu-central-1', credentials });
  return {
    endpoint,
    issuer,
    jwksUri: `${issuer}/.well-known/jwks.json`,
    client,
    addClient: async (name) => {
      const { UserPoolClient: made } = await client.send(
        new CreateUserPoolClientCommand({
          UserPoolId: USER_POOL_ID,
          ClientName: name,
          ExplicitAuthFlows: ['ALLOW_USER_PASSWORD_AUTH'],
        }),
      );
      return given(made?.ClientId);
    },
    addUser: async (username, preferredUsername, isConfirmed = true) => {
      const { User: made } = await client.send(
        new AdminCreateUserCommand({
          UserPoolId: USER_POOL_ID,
          Username: username,
          MessageAction: 'SUPPRESS',
          UserAttributes: attributes(username, preferredUsername),
        }),
      );
      if (isConfirmed) {
        const password = { UserPoolId: USER_POOL_ID, Username: username, Password: PASSWORD, Permanent: true };
        await client.send(new AdminSetUserPasswordCommand(password));
      }
      return given(made?.Attributes?.find(({ Name }) => Name === 'sub')?.Value);
    },
    signIn: async (clientId, username) => {
      const { AuthenticationResult: result } = await client.send(
        new InitiateAuthCommand({
          AuthFlow: 'USER_PASSWORD_AUTH',
          ClientId: clientId,
          AuthParameters: { USERNAME: username, PASSWORD },
        }),
      );
      return { accessToken: given(result?.AccessToken), idToken: given(result?.IdToken) };
    },
    listUsers: async (userPoolId) => {
      const response = await fetch(endpoint, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-amz-json-1.1',
          'x-amz-target': 'AWSCognitoIdentityProviderService.ListUsers',
        },
        body: JSON.stringify({ UserPoolId: userPoolId }),
      });
      return ((await response.json()) as { Users: ListedUser[] }).Users;
    },
    stop: async () => {
      client.destroy();
      await stop();
    },
  };
}

/** What is known of a user of that name. */
export function attributes(username: string, preferredUsername: string | undefined) {
  return [
    { Name: 'email', Value: `${username}@example.com` },
    ...(preferredUsername === undefined ? [] : [{ Name: 'preferred_username', Value: preferredUsername }]),
  ];
}

function given(value: string | undefined): string {
  if (!value) throw new Error('cognito-local gave no such thing');
  return value;
}
