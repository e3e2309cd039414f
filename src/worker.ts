import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { readWorkerConfig } from './config/worker.ts';
import { openLog } from './log.ts';
import { createWorkerMetrics, serveMetrics } from './metrics.ts';
import { drainOnStop, startProcess, tellReady } from './process.ts';
import { findStreamArn, openStreams } from './stream/client.ts';
import { readStream } from './stream/reader.ts';
import { checkpointTable } from './stream/table.ts';
import { processRecords } from './summaries/process.ts';
import { rebuildSummaries } from './summaries/rebuild.ts';
import { openTable } from './table/table.ts';

/** How long to wait before a table without a stream is looked at again. */
const LOOK_AGAIN_MS = 5_000;

/** From this lag on, a batch is worth a line in the log of a worker that is not being debugged. */
const BEHIND_MS = 10_000;

await startProcess(start);

async function start(): Promise<void> {
  const config = readWorkerConfig(process.env);
  const log = openLog(config.logLevel);
  const table = openTable(config.table);
  const streams = openStreams(config.table);
  const metrics = createWorkerMetrics();
  const metricsServer = config.metrics && serveMetrics(metrics.registry, config.metrics);
  const stop = new AbortController();
  const { signal } = stop;

  const reading = read();
  drainOnStop(log, 5_000, async () => {
    stop.abort();
    await reading;
    metricsServer?.close();
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
          process: (records, held) =>
            processRecords(table, records, held, ({ reason }, pending) =>
              log.warn({ reason, pending }, 'trying records again'),
            ),
          onTrimmed: async () => {
            const { mended, left } = await rebuildSummaries(table);
            log.warn({ mended, left: left.length }, 'summaries rebuilt');
          },
          onBatch: (batch) => {
            metrics.onBatch(batch);
            log[batch.lagMs > BEHIND_MS ? 'warn' : 'debug'](batch, 'batch done');
          },
          log,
          signal,
          leaseMs: config.leaseMs,
        });
      } else log.warn({ table: table.name }, 'the table has no stream');
      await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(() => {});
    }
  }
}
