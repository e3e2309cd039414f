import { setMaxListeners } from 'node:events';
import { LRUCache } from 'lru-cache';
import type { CheckpointTable } from '../stream/checkpoint-table.ts';
import { findStream } from '../stream/client.ts';
import { noteRead, noteStream } from '../stream/current-stream.ts';
import type { DeadLetter } from '../stream/dead-letters.ts';
import type { DeadRecord, TableRecord } from '../summaries/apply.ts';
import { ParkedWork } from '../summaries/parked-work.ts';
import { processRecords } from '../summaries/process.ts';
import { repairPart, requestRepair } from '../summaries/repair-job.ts';
import { Retries } from '../summaries/retries.ts';
import { observeCalls, type Table } from '../table/table.ts';

/** A record of the event of a DynamoDB stream, as far as it matters here. */
export interface LambdaRecord extends TableRecord {
  /** The stream's ARN. */
  readonly eventSourceARN?: string;
}

export interface LambdaEvent {
  readonly Records?: readonly LambdaRecord[];
}

/** The record from which the service tries again; none when all records are done. */
export interface LambdaResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

/** The part of a function's context that is used. */
export interface LambdaTime {
  readonly getRemainingTimeInMillis: () => number;
}

interface HandlerLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export interface HandlerParts {
  readonly table: Table;
  /** The table of parked work, of the repair's state and of the current stream. */
  readonly store: CheckpointTable;
  readonly log: HandlerLog;
}

export interface UpdateSummariesParts extends HandlerParts {
  /** Puts a dead letter into the failure queue. */
  readonly sendDeadLetter: (letter: DeadLetter) => Promise<void>;
  /** See `Retries`. */
  readonly parkAfterMs?: number;
}

/** The time that an invocation keeps to answer in, in milliseconds. */
const RESERVE_MS = 5_000;

/** The parked work of other instances is loaded, and the stream is noted as read, as often as this, in milliseconds. */
const LOAD_MS = 60_000;

/** The dead letters that an instance remembers to have sent. */
const MAX_REMEMBERED = 1_000;

/**
 * Creates the handler of the table's stream. Dead letters go straight to the failure queue. Everything else is retried within the invocation,
 * and parked as the worker does. If writes are left when the time is over, the service tries the batch again, which may repeat what is done. See
 * "Reporting batch item failures for Lambda with DynamoDB" in the AWS Lambda developer guide.
 */
export function createUpdateSummaries({
  table,
  store,
  log,
  sendDeadLetter,
  parkAfterMs,
}: UpdateSummariesParts): (event: LambdaEvent, time: LambdaTime) => Promise<LambdaResponse> {
  const parked = new ParkedWork(store, log);
  let loadedAt = Number.NEGATIVE_INFINITY;
  // A batch that is tried again has its dead letters again.
  const sent = new LRUCache<string, true>({ max: MAX_REMEMBERED });

  return async ({ Records: records = [] }, time) => {
    const [first] = records;
    if (!first) return { batchItemFailures: [] };
    const stop = new AbortController();
    // All calls under way listen to it, which are more than Node takes for intended.
    setMaxListeners(0, stop.signal);
    const timer = setTimeout(() => stop.abort(), Math.max(0, time.getRemainingTimeInMillis() - RESERVE_MS));
    const observed = observeCalls(table, () => {}, { signal: stop.signal });
    const onRetry = ({ error, pending }: { readonly error: unknown; readonly pending: number }) =>
      log.warn({ err: error, pending }, 'trying a summary again');
    const retries = new Retries({
      table: observed,
      parked,
      signal: stop.signal,
      onRetry,
      parkAfterMs,
      parksAlone: true,
    });
    const running = retries.run();
    const keep = async (dead: DeadRecord) => {
      const letter = { ...dead, setAsideAt: new Date().toISOString() };
      if (sent.has(letter.sequenceNumber)) return;
      await sendDeadLetter(letter);
      sent.set(letter.sequenceNumber, true);
      log.warn(letter, 'dead letter');
    };
    try {
      if (performance.now() - loadedAt > LOAD_MS) {
        await parked.load();
        // Without new messages the stream is not noted as read. A repair a day is the price.
        if (first.eventSourceARN !== undefined) await noteRead(store, first.eventSourceARN);
        loadedAt = performance.now();
      }
      const { settled } = await processRecords({ table: observed, retries, keep }, records);
      await settled;
      return { batchItemFailures: [] };
    } catch (err) {
      log.warn({ err, records: records.length }, 'a batch is tried again');
      return { batchItemFailures: [{ itemIdentifier: first.dynamodb?.SequenceNumber ?? '' }] };
    } finally {
      clearTimeout(timer);
      stop.abort();
      await running;
    }
  };
}

/** The event of a schedule, or of the queue of records that the service discarded because they were too old. */
export interface RepairEvent {
  readonly Records?: readonly { readonly eventSource?: string }[];
}

/** The time that a part of a repair may take, in milliseconds. */
const PART_MS = 300_000;

/** The time for parked summaries between two parts of a repair, in milliseconds: those that hang must not keep the repair from beginning. */
const PARKED_MS = 60_000;

/**
 * Creates the handler of a schedule, and of the queue of discarded records. By the schedule it writes parked summaries from their logs, and does
 * the next parts of a repair while there is time. A repair is requested when records were discarded, when the table has another stream than
 * at the last time, and when no record of the stream was read for 23 hours.
 */
export function createRepairSummaries({
  table,
  store,
  log,
}: HandlerParts): (event: RepairEvent, time: LambdaTime) => Promise<void> {
  return async ({ Records: discarded = [] }, time) => {
    const onLoss = async (reason: string) => {
      log.warn({ reason }, 'records were lost');
      await requestRepair(store, reason);
    };
    if (discarded.length > 0) return onLoss('records of the stream became too old');
    const stream = await findStream(table.client, table.name);
    if (stream) await noteStream(store, stream.streamArn, onLoss);
    const signal = AbortSignal.timeout(Math.max(0, time.getRemainingTimeInMillis() - RESERVE_MS));
    setMaxListeners(0, signal);
    const observed = observeCalls(table, () => {}, { signal });
    const parked = new ParkedWork(store, log);
    const attempt = () => {
      const until = performance.now() + PARKED_MS;
      return parked.attempt(observed, () => !signal.aborted && performance.now() < until);
    };
    do await attempt();
    while (
      time.getRemainingTimeInMillis() > PART_MS &&
      (await repairPart({ store, table: observed, parked, log, signal }))
    );
  };
}
