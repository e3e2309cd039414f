import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { droppedLogLines } from '../log.ts';
import type { ShardWatch } from '../stream/watch.ts';
import type { EngineCall, Skipped } from '../table/table.ts';
import type { RequestReport } from './request-report.ts';

/** What a process counts, by the names that Prometheus knows it under. */
export interface ApiMetrics {
  readonly registry: Registry;
  onRequest(report: RequestReport): void;
  onSkipped(skipped: Skipped): void;
}

export interface WorkerMetrics extends ShardWatch {
  readonly registry: Registry;
  onEngineCall(call: EngineCall): void;
  /** Is called with the number of parked summaries. */
  onParked(count: number): void;
  onSkipped(skipped: Skipped): void;
  onDeadLetter(): void;
}

/** Seconds: from an idle poll to the longest that a request may take. */
const BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createApiMetrics(): ApiMetrics {
  const registry = openRegistry();
  const registers = [registry];
  const requests = new Counter({
    name: 'http_requests_total',
    help: 'Requests answered',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const operations = new Histogram({
    name: 'graphql_operation_duration_seconds',
    help: 'How long operations took, by the field of the schema and the code of the first error',
    labelNames: ['operation', 'code'],
    buckets: BUCKETS,
    registers,
  });
  const directoryCalls = new Histogram({
    name: 'directory_call_duration_seconds',
    help: 'How long calls to the directory of people took',
    labelNames: ['call', 'error'],
    buckets: BUCKETS,
    registers,
  });
  const countEngineCall = engineCallCounter(registry);
  return {
    registry,
    onRequest: ({ method, route, status, graphql, durationMs, engineCalls, directoryCalls: asked }) => {
      requests.inc({ method, route, status });
      if (graphql) operations.observe({ operation: graphql.operation, code: graphql.code }, durationMs / 1000);
      for (const call of engineCalls) countEngineCall(graphql?.operation ?? 'none', call);
      for (const { operation, error, durationMs: took } of asked) {
        directoryCalls.observe({ call: operation, error: error ?? '' }, took / 1000);
      }
    },
    onSkipped: skippedCounter(registry),
  };
}

export function createWorkerMetrics(): WorkerMetrics {
  const registry = openRegistry();
  const registers = [registry];
  const records = new Counter({ name: 'stream_records_total', help: 'Records of the stream that are done', registers });
  const deadLetters = new Counter({
    name: 'stream_dead_letters_total',
    help: 'Records that were set aside',
    registers,
  });
  const parked = new Gauge({
    name: 'summaries_parked',
    help: 'Summaries that could not be written, and wait to be written from their logs',
    registers,
  });
  /** When the oldest record that waits was written, by shard. */
  const waiting = new Map<string, number>();
  const lag = new Gauge({
    name: 'stream_lag_seconds',
    help: 'How long ago the oldest record that waits was written, or else the latest that is done, by shard; 0 where all are done',
    labelNames: ['shard'],
    registers,
    collect() {
      for (const [shard, since] of waiting) this.set({ shard }, (Date.now() - since) / 1000);
    },
  });
  const countEngineCall = engineCallCounter(registry);
  return {
    registry,
    onBatch: (batch) => {
      records.inc(batch.records);
      lag.set({ shard: batch.shardId }, batch.lagMs / 1000);
    },
    onCaughtUp: (shard) => lag.set({ shard }, 0),
    onWaiting: (shard, since) => {
      if (since === undefined) waiting.delete(shard);
      else waiting.set(shard, since);
    },
    onLeft: (shard) => {
      waiting.delete(shard);
      lag.remove({ shard });
    },
    onDeadLetter: () => deadLetters.inc(),
    onEngineCall: (call) => countEngineCall('updateSummaries', call),
    onParked: (count) => parked.set(count),
    onSkipped: skippedCounter(registry),
  };
}

function openRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Counter({
    name: 'log_lines_dropped_total',
    help: 'Log lines that were dropped because nothing read them',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(droppedLogLines());
    },
  });
  return registry;
}

function skippedCounter(registry: Registry): (skipped: Skipped) => void {
  const skipped = new Counter({
    name: 'table_items_skipped_total',
    help: 'Items that cannot be read, and gaps in logs, each counted once in a process',
    labelNames: ['kind'],
    registers: [registry],
  });
  return ({ kind }) => skipped.inc({ kind });
}

function engineCallCounter(registry: Registry): (operation: string, call: EngineCall) => void {
  const registers = [registry];
  const calls = new Histogram({
    name: 'dynamodb_call_duration_seconds',
    help: "How long calls to DynamoDB took, with the SDK's retries",
    labelNames: ['call', 'error'],
    buckets: BUCKETS,
    registers,
  });
  const capacity = new Counter({
    name: 'dynamodb_consumed_capacity_units_total',
    help: 'Read and write capacity units, by the operation that consumed them',
    labelNames: ['operation', 'call'],
    registers,
  });
  return (operation, { operation: call, error, durationMs, capacityUnits }) => {
    calls.observe({ call, error: error ?? '' }, durationMs / 1000);
    capacity.inc({ operation, call }, capacityUnits);
  };
}
