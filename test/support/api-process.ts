import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { inject, onTestFinished } from 'vitest';
import type { Table } from '../../src/table/table.ts';
import type { Reply } from './api.ts';
import { freePort } from './engines.ts';
import { testRegion } from './table.ts';

const API = fileURLToPath(new URL('../../src/api.ts', import.meta.url));

/** The API as a process of its own. */
export interface ApiProcess {
  /** Where it serves GraphQL. */
  readonly url: string;
  readonly child: ChildProcess;
  /** Posts an operation with this token. @returns the status and the body */
  post(token: string, query: string, variables?: object): Promise<Reply & { readonly status: number }>;
  /** Asks the process to end. @returns its exit code */
  stop(): Promise<number | null>;
}

/**
 * Starts the API on a table, and on the directory that all tests share unless the environment names another; it is ended when the test is
 * over.
 *
 * @param environment the variables that name the issuer, and any others
 */
export async function startApi(table: Table, environment: NodeJS.ProcessEnv): Promise<ApiProcess> {
  const port = await freePort();
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', API], {
    env: {
      PATH,
      HOME,
      PORT: String(port),
      AWS_REGION: testRegion(),
      DYNAMODB_ENDPOINT: inject('dynamodbEndpoint'),
      DYNAMODB_TABLE: table.name,
      DATABASE_URL: inject('databaseUrl'),
      DATABASE_POOL_SIZE: '1',
      RATE_LIMIT_SENDS: '999999',
      LOG_LEVEL: 'error',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      ...environment,
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const isReady = await Promise.race([once(child, 'message').then(() => true), exited.then(() => false)]);
  if (!isReady) throw new Error('The API did not start');
  const url = `http://127.0.0.1:${port}/graphql`;
  return {
    url,
    child,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
      return child.exitCode;
    },
    post: async (token, query, variables) => {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ query, variables }),
      });
      return { ...((await response.json()) as Reply), status: response.status };
    },
  };
}
