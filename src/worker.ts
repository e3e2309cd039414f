import { randomUUID } from 'node:crypto';
import { within } from './calls.ts';
import { readWorkerConfig } from './config/worker.ts';
import { type Log, openLog } from './log.ts';
import { drainOnStop, startProcess, tellReady } from './process.ts';
import { checkpointTable } from './stream/checkpoint-table.ts';
import { openStreams } from './stream/client.ts';
import { workUnderLease } from './stream/lease.ts';
import { openTable, type Table } from './table/table.ts';
import { createWorkerMetrics } from './telemetry/metrics.ts';
import { serveMetrics, stopMetrics } from './telemetry/metrics-server.ts';
import { workActively } from './worker/active-worker.ts';

/** The time that reading has to stop, and then the traces, in milliseconds. Both together fit into 5 s. */
const STOP_MS = 3_000;
const LAST_TRACES_MS = 1_500;

await startProcess(start);

async function start(): Promise<void> {
  const config = readWorkerConfig(process.env);
  const log = openLog(config.logLevel);
  const metrics = createWorkerMetrics();
  const table: Table = {
    ...openTable(config.table),
    onSkipped: (skipped) => {
      log.warn(skipped, 'a part of the table was skipped');
      metrics.onSkipped(skipped);
    },
  };
  const streams = openStreams(config.table);
  const metricsServer = config.metrics && (await serveMetrics(metrics.registry, config.metrics));
  const traces = config.tracesEndpoint === undefined ? undefined : await startTraces(config.tracesEndpoint, log);
  const stop = new AbortController();
  const { signal } = stop;

  const { leaseMs, takesOver } = config;
  const lease = { table: checkpointTable(table), owner: randomUUID(), leaseMs, takesOver, signal, log };
  const parts = { table, streams, metrics, log, signal, onBatch: traces?.onBatch };
  const working = workUnderLease(lease, (term, lost) => workActively(parts, term, lost));
  drainOnStop(log, 5_000, async () => {
    stop.abort();
    await within(STOP_MS, working).catch((err) => log.warn({ err }, 'stopping in the middle'));
    if (traces)
      await within(LAST_TRACES_MS, traces.stop()).catch((err) => log.warn({ err }, 'traces could not be sent'));
    if (metricsServer) stopMetrics(metricsServer);
    streams.destroy();
    table.client.destroy();
  });
  tellReady();
}

/** Loads OpenTelemetry, which costs nothing if it is not asked for. */
async function startTraces(endpoint: string, log: Log) {
  const { openTraces } = await import('./telemetry/traces.ts');
  return openTraces(endpoint, 'cruddur-messages-worker', (err) => log.warn({ err }, 'traces could not be sent'));
}
