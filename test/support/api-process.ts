import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { inject, onTestFinished } from 'vitest';
import type { Table } from '../../src/table/table.ts';
import { awsCredentials, expectLines, keepErrors, logFile } from '../logs/collect.ts';
import type { Reply } from './api.ts';
import { dynamodbEndpoint } from './dynamodb.ts';
import { freePort } from './engines.ts';
import { testRegion } from './table.ts';

const API = fileURLToPath(new URL('../../src/api.ts', import.meta.url));
const COLLECT_GARBAGE = new URL('./collect-garbage.ts', import.meta.url).href;

const MB = 1024 * 1024;

/** The API as a process of its own. */
export interface ApiProcess {
  /** Where it serves GraphQL. */
  readonly url: string;
  readonly child: ChildProcess;
  /** All its metrics, as Prometheus gets them. */
  metrics(): Promise<string>;
  /** One of its metrics, by the name and the labels that Prometheus sees. */
  metric(name: string): Promise<number>;
  /** What it has of memory when its garbage is collected, in MB: all of it, and what of it is in use by JavaScript. */
  memory(): Promise<{ readonly resident: number; readonly heap: number }>;
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
 * @param output where the process logs to: into a file, or into a pipe that the test may read
 */
export async function startApi(
  table: Table,
  environment: NodeJS.ProcessEnv,
  { output = 'file' }: { readonly output?: 'file' | 'pipe' } = {},
): Promise<ApiProcess> {
  const [port, metricsPort] = [await freePort(), await freePort()];
  // It writes its log into the file by itself: a pipe would be read by whoever is busy asking it.
  const log = openSync(logFile('log'), 'a');
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', '--import', COLLECT_GARBAGE, API], {
    env: {
      PATH,
      HOME,
      ...awsCredentials(),
      PORT: String(port),
      METRICS_PORT: String(metricsPort),
      AWS_REGION: testRegion(),
      DYNAMODB_ENDPOINT: dynamodbEndpoint(),
      DYNAMODB_TABLE: table.name,
      DATABASE_URL: inject('databaseUrl'),
      DATABASE_POOL_SIZE: '1',
      RATE_LIMIT_SENDS: '999999',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      ...environment,
    },
    stdio: ['ignore', output === 'file' ? log : 'pipe', 'pipe', 'ipc'],
  });
  closeSync(log);
  keepErrors(child.stderr as Readable);
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const isReady = await Promise.race([once(child, 'message').then(() => true), exited.then(() => false)]);
  if (!isReady) throw new Error('The API did not start');
  const url = `http://127.0.0.1:${port}/graphql`;
  const metrics = async () => (await fetch(`http://127.0.0.1:${metricsPort}`)).text();
  const metric: ApiProcess['metric'] = async (name) => {
    const line = (await metrics()).split('\n').find((each) => each.startsWith(`${name} `));
    if (line === undefined) throw new Error(`There is no ${name}`);
    return Number(line.slice(name.length));
  };
  return {
    url,
    child,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
      return child.exitCode;
    },
    metrics,
    metric,
    memory: async () => {
      const collected = once(child, 'message');
      child.send('collect garbage');
      await collected;
      const names = ['process_resident_memory_bytes', 'nodejs_heap_size_used_bytes'];
      const [resident = 0, heap = 0] = await Promise.all(names.map(metric));
      return { resident: resident / MB, heap: heap / MB };
    },
    post: async (token, query, variables) => {
      expectLines();
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ query, variables }),
      });
      return { ...((await response.json()) as Reply), status: response.status };
    },
  };
}
