import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { onTestFinished } from 'vitest';
import { checkpointTable, createCheckpointTableIfMissing } from '../../src/stream/checkpoint-table.ts';
import type { Table } from '../../src/table/table.ts';
import { awsCredentials, expectLines, keepErrors, keepStream } from '../logs/collect.ts';
import { dynamodbEndpoint } from './dynamodb.ts';
import { testRegion } from './table.ts';

const WORKER = ['--import', 'tsx', fileURLToPath(new URL('../../src/worker.ts', import.meta.url))];

/** A worker process on a table. */
export interface WorkerProcess {
  readonly child: ChildProcess;
  /** The lines that it has logged so far. */
  log(): readonly { readonly msg: string; readonly [detail: string]: unknown }[];
  /** Kills the process without warning, and waits until it is gone. */
  kill(): Promise<void>;
  /** Asks the process to end. @returns its exit code */
  stop(): Promise<number | null>;
}

/** Makes the table of checkpoints beside the test's table, gone when the test is over. */
export async function useCheckpoints(table: Table): Promise<void> {
  const checkpoints = checkpointTable(table);
  await createCheckpointTableIfMissing(checkpoints);
  onTestFinished(async () => {
    await table.client.send(new DeleteTableCommand({ TableName: checkpoints.name }));
  });
}

/** Starts a worker process; it is ended when the test is over. */
export function startWorker(
  table: Table,
  leaseSeconds: number,
  {
    endpoint = dynamodbEndpoint(),
    modules = WORKER,
    metricsPort,
  }: { endpoint?: string; modules?: readonly string[]; metricsPort?: number } = {},
): WorkerProcess {
  const child = spawn(process.execPath, modules, {
    env: {
      ...process.env,
      ...awsCredentials(),
      AWS_REGION: testRegion(),
      DYNAMODB_ENDPOINT: endpoint,
      DYNAMODB_TABLE: table.name,
      LEASE_SECONDS: String(leaseSeconds),
      LOG_LEVEL: 'debug',
      ...(metricsPort !== undefined && { METRICS_PORT: String(metricsPort) }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  keepStream('log', child.stdout);
  keepErrors(child.stderr);
  expectLines();
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const exited = once(child, 'exit');
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    await exited;
    return child.exitCode;
  };
  onTestFinished(async () => {
    await end('SIGKILL');
  });
  return {
    child,
    log: () =>
      output
        .slice(0, output.lastIndexOf('\n') + 1)
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    kill: async () => {
      await end('SIGKILL');
    },
    stop: () => end('SIGTERM'),
  };
}
