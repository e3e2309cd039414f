import { setTimeout as delay } from 'node:timers/promises';
import { ResourceNotFoundException } from '@aws-sdk/client-dynamodb';
import type { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import type { Log } from '../log.ts';
import { checkpointTable } from '../stream/checkpoint-table.ts';
import { Checkpoints } from '../stream/checkpoints.ts';
import { findStream, type TableStream } from '../stream/client.ts';
import { noteRead, noteStream } from '../stream/current-stream.ts';
import { readStream } from '../stream/reader.ts';
import { ParkedWork } from '../summaries/parked-work.ts';
import { requestRepair, runRepairs } from '../summaries/repair-job.ts';
import { Retries } from '../summaries/retries.ts';
import { forgetProfiles } from '../table/profiles.ts';
import { observeCalls, type Table } from '../table/table.ts';
import type { WorkerMetrics } from '../telemetry/metrics.ts';
import { type BatchListener, processBatch } from './batches.ts';
import { stopSignals } from './stop-signals.ts';

export interface ActiveWorkerParts {
  readonly table: Table;
  readonly streams: DynamoDBStreamsClient;
  readonly metrics: WorkerMetrics;
  readonly log: Log;
  /** Stops the worker. Batches under way have 2 s to settle. */
  readonly signal: AbortSignal;
  readonly onBatch?: BatchListener | undefined;
}

/** The wait before a table is looked at again whose stream cannot be read, in milliseconds. */
const LOOK_AGAIN_MS = 5_000;

/** From this lag on, a batch has a line in the log of a worker that is not being debugged, in milliseconds. */
const BEHIND_MS = 10_000;

/**
 * Reads the table's stream under a lease, and the next stream when the table has another one, until the signal is aborted or the lease is lost.
 * Retries failed writes, writes parked summaries and repairs summaries beside it.
 */
export async function workActively(parts: ActiveWorkerParts, term: number, lost: AbortSignal): Promise<void> {
  const { table, log, signal } = parts;
  while (!signal.aborted && !lost.aborted) {
    const stream = await findStream(table.client, table.name).catch((err) => {
      log.warn({ err }, 'could not look at the table, trying again');
      return undefined;
    });
    if (stream?.hasNewImages) await readOne(parts, { stream, term, lost });
    else if (stream) log.error({ table: table.name }, 'the stream has no new images. Set its view type to NEW_IMAGE.');
    else log.warn({ table: table.name }, 'the table has no stream');
    const waiting = stopSignals(signal, lost);
    await delay(LOOK_AGAIN_MS, undefined, { signal: waiting.ending }).catch(() => {});
    waiting.release();
  }
}

interface Reading {
  readonly stream: TableStream;
  readonly term: number;
  readonly lost: AbortSignal;
}

/** Reads one stream until the worker stops, loses the lease, or finds that the table has another stream. */
async function readOne(
  { table, streams, metrics, log, signal, onBatch }: ActiveWorkerParts,
  { stream, term, lost }: Reading,
): Promise<void> {
  const { streamArn } = stream;
  const { ending, gaveUp, giveUp, release } = stopSignals(signal, lost);
  const store = { ...checkpointTable(table), signal: gaveUp };
  const observed = observeCalls(table, metrics.onEngineCall, { signal: gaveUp });
  const parked = new ParkedWork(store, log, metrics.onParked);
  const watch = watchStream(table, streamArn, ending, giveUp);
  const onRetry = ({ error, pending }: { readonly error: unknown; readonly pending: number }) => {
    log.warn({ err: error, pending }, 'trying a summary again');
    if (error instanceof ResourceNotFoundException) watch.look();
  };
  const retries = new Retries({ table: observed, parked, signal: gaveUp, onRetry });
  const onLoss = (reason: string) => {
    log.warn({ reason }, 'records were lost');
    return requestRepair(store, reason);
  };
  const batchParts = { table, store, stream, retries, metrics, log, signal: gaveUp, onBatch };
  try {
    const isNew = await noteStream(store, streamArn, onLoss);
    // The profiles may be those of an earlier table.
    if (isNew) forgetProfiles();
    await parked.load();
    log.info({ streamArn, term }, 'reading the stream');
    const beside = Promise.all([
      retries.run(),
      parked.run(observed, ending),
      runRepairs({ store, table: observed, parked, log, signal: ending }),
      watch.ended,
    ]);
    await readStream({
      client: streams,
      streamArn,
      checkpoints: new Checkpoints(store, streamArn, term),
      isNew,
      process: (records) => processBatch(batchParts, records),
      onLoss,
      onListed: () => noteRead(store, streamArn),
      log,
      signal: ending,
      lost,
      watch: {
        ...metrics,
        onBatch: (batch) => {
          metrics.onBatch(batch);
          log[batch.lagMs > BEHIND_MS ? 'warn' : 'debug'](batch, 'batch done');
        },
      },
    });
    giveUp();
    await beside;
  } catch (err) {
    if (!ending.aborted) log.warn({ err }, 'could not read the stream, trying again');
  } finally {
    giveUp();
    release();
  }
}

/** The time between two looks whether the table still has the stream, in milliseconds. */
const WATCH_MS = 1_000;

/**
 * Gives up once the table has another stream, or is gone: it was created anew, or its stream was switched off and on. Nothing that was read
 * before may be written then. `look` looks at once.
 */
function watchStream(table: Table, streamArn: string, ending: AbortSignal, giveUp: () => void) {
  let early = new AbortController();
  const look = () => early.abort();
  ending.addEventListener('abort', look, { once: true });
  const watch = async () => {
    while (!ending.aborted) {
      early = new AbortController();
      await delay(WATCH_MS, undefined, { signal: early.signal }).catch(() => {});
      if (ending.aborted) return;
      const isStill = await findStream(table.client, table.name).then(
        (stream) => stream === undefined || stream.streamArn === streamArn,
        (error) => !(error instanceof ResourceNotFoundException),
      );
      if (!isStill) giveUp();
    }
  };
  return { ended: watch(), look };
}
