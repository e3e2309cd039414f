import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { timed, within } from './calls.ts';
import { readWorkerConfig } from './config/worker.ts';
import { type Log, openLog } from './log.ts';
import { drainOnStop, startProcess, tellReady } from './process.ts';
import { findStreamArn, openStreams } from './stream/client.ts';
import { readStream } from './stream/reader.ts';
import type { StreamRecord } from './stream/shards.ts';
import { checkpointTable } from './stream/table.ts';
import { processRecords } from './summaries/process.ts';
import { auditTable } from './summaries/rebuild.ts';
import { type EngineCall, observeCalls, openTable, type Table } from './table/table.ts';
import { createWorkerMetrics } from './telemetry/metrics.ts';
import { serveMetrics, stopMetrics } from './telemetry/metrics-server.ts';

/** How long to wait before a table without a stream is looked at again. */
const LOOK_AGAIN_MS = 5_000;

/** From this lag on, a batch is worth a line in the log of a worker that is not being debugged. */
const BEHIND_MS = 10_000;

/**
 * Reading has so long to stop: a batch under way ends or is given up, and its shard is handed over. What is left then comes again by itself.
 * What is traced has as long again as fits into 5 s.
 */
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

  const reading = read();
  drainOnStop(log, 5_000, async () => {
    stop.abort();
    await within(STOP_MS, reading).catch((err) => log.warn({ err }, 'stopping in the middle'));
    if (traces)
      await within(LAST_TRACES_MS, traces.stop()).catch((err) => log.warn({ err }, 'traces could not be sent'));
    if (metricsServer) stopMetrics(metricsServer);
    streams.destroy();
    table.client.destroy();
  });
  tellReady();

  /** Reads the table's stream; when it is gone, the table was made anew and has another. */
  async function read(): Promise<void> {
    const owner = randomUUID();
    while (!signal.aborted) {
      const streamArn = await findStreamArn(table.client, table.name).catch((err) => {
        log.warn({ err }, 'could not look at the table');
        return undefined;
      });
      if (streamArn) {
        log.info({ streamArn, owner }, 'reading the stream');
        await readStream({
          client: streams,
          streamArn,
          table: checkpointTable(table),
          owner,
          process: processBatch,
          onTrimmed: async () => {
            const { repaired } = await auditTable(table, { repair: true }, (findings) => {
              for (const finding of findings) log.warn(finding, 'found while summaries were rebuilt');
            });
            log.warn({ repaired }, 'summaries rebuilt');
          },
          watch: {
            ...metrics,
            onBatch: (batch) => {
              metrics.onBatch(batch);
              log[batch.lagMs > BEHIND_MS ? 'warn' : 'debug'](batch, 'batch done');
            },
          },
          log,
          signal,
          leaseMs: config.leaseMs,
        });
      } else log.warn({ table: table.name }, 'the table has no stream');
      await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(() => {});
    }
  }

  async function processBatch(records: readonly StreamRecord[], held: AbortSignal) {
    const engineCalls: EngineCall[] = [];
    const onCall = (call: EngineCall) => {
      metrics.onEngineCall(call);
      if (traces) engineCalls.push(call);
    };
    // The batch's calls listen to it, which are more at once than Node takes for intended.
    setMaxListeners(0, held);
    const observed = observeCalls(table, onCall, { signal: held });
    return timed(
      'update summaries',
      () =>
        processRecords(observed, records, held, ({ reason }, pending) =>
          log.warn({ reason, pending }, 'trying records again'),
        ),
      (call) => traces?.onBatch({ ...call, records: records.length, engineCalls }),
    );
  }
}

/** Loads OpenTelemetry, which costs nothing where it is not asked for. */
async function startTraces(endpoint: string, log: Log) {
  const { openTraces } = await import('./telemetry/traces.ts');
  return openTraces(endpoint, 'cruddur-messages-worker', (err) => log.warn({ err }, 'traces could not be sent'));
}
