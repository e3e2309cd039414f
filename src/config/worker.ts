import * as z from 'zod';
import { type TableConfig, tableConfig, tableVariables } from './engines.ts';
import { present, readAll } from './environment.ts';
import { type MetricsConfig, metricsConfig, telemetryVariables } from './telemetry.ts';
import { integer, type LogLevel, logLevel } from './variables.ts';

/** What the worker process needs to know. */
export interface WorkerConfig {
  readonly logLevel: LogLevel;
  readonly table: TableConfig;
  /** How long a worker that died keeps its shards. */
  readonly leaseMs: number;
  readonly metrics: MetricsConfig | undefined;
  /** The collector that traces are sent to, by OTLP over HTTP; nothing is traced when absent. */
  readonly tracesEndpoint: string | undefined;
}

const workerVariables = z.object({
  LOG_LEVEL: logLevel.default('info'),
  HOST: z.string().default('127.0.0.1'),
  LEASE_SECONDS: integer(1, 60).default(9),
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
    metrics: metricsConfig(worker),
    tracesEndpoint: worker.OTEL_EXPORTER_OTLP_ENDPOINT,
  };
}
