import * as z from 'zod';
import { type TableConfig, tableConfig, tableVariables } from './engines.ts';
import { present, readAll } from './environment.ts';
import { type MetricsConfig, metricsConfig, telemetryVariables } from './telemetry.ts';
import { address, integer, type LogLevel, logLevel } from './variables.ts';

/** What the worker process needs to know. */
export interface WorkerConfig {
  readonly logLevel: LogLevel;
  readonly table: TableConfig;
  /** The time after which another worker takes the lease of one that died, in milliseconds. */
  readonly leaseMs: number;
  /** Whether the worker takes the lease at once, because no other worker lives. */
  readonly takesOver: boolean;
  readonly metrics: MetricsConfig | undefined;
  /** The collector that traces are sent to, by OTLP over HTTP; nothing is traced when absent. */
  readonly tracesEndpoint: string | undefined;
}

const workerVariables = z.object({
  LOG_LEVEL: logLevel.default('info'),
  HOST: z.string().default('127.0.0.1'),
  LEASE_SECONDS: integer(1, 60).default(9),
  LEASE_TAKE_OVER: z.enum(['on', 'off']).default('off'),
  ...telemetryVariables,
  ...tableVariables,
});

/**
 * The worker's configuration. Empty variables count as absent.
 *
 * @throws ConfigError with everything that is wrong
 */
export function readWorkerConfig(environment: NodeJS.ProcessEnv): WorkerConfig {
  const worker = readAll(workerVariables, present(environment));
  return {
    logLevel: worker.LOG_LEVEL,
    table: tableConfig(worker),
    leaseMs: worker.LEASE_SECONDS * 1000,
    takesOver: worker.LEASE_TAKE_OVER === 'on',
    metrics: metricsConfig(worker),
    tracesEndpoint: worker.OTEL_EXPORTER_OTLP_ENDPOINT,
  };
}

const updateSummariesVariables = z.object({
  LOG_LEVEL: logLevel.default('info'),
  FAILURE_QUEUE_URL: address(['http', 'https']),
  ...tableVariables,
});

/** The configuration of the worker as an AWS Lambda function. */
export interface UpdateSummariesConfig extends Pick<WorkerConfig, 'logLevel' | 'table'> {
  /** The SQS queue of dead letters. */
  readonly failureQueueUrl: string;
}

/**
 * Reads the configuration of the worker as an AWS Lambda function. Empty variables count as absent.
 *
 * @throws ConfigError with everything that is wrong
 */
export function readUpdateSummariesConfig(environment: NodeJS.ProcessEnv): UpdateSummariesConfig {
  const given = readAll(updateSummariesVariables, present(environment));
  return { logLevel: given.LOG_LEVEL, table: tableConfig(given), failureQueueUrl: given.FAILURE_QUEUE_URL };
}
