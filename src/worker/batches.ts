import pRetry from 'p-retry';
import { type Call, timed } from '../calls.ts';
import type { Log } from '../log.ts';
import type { CheckpointTable } from '../stream/checkpoint-table.ts';
import type { TableStream } from '../stream/client.ts';
import { keepDeadLetter } from '../stream/dead-letters.ts';
import { ageOf } from '../stream/old-records.ts';
import type { StreamRecord } from '../stream/shards.ts';
import type { DeadRecord } from '../summaries/apply.ts';
import { processRecords } from '../summaries/process.ts';
import type { Retries } from '../summaries/retries.ts';
import { messageOfImage } from '../table/images.ts';
import { MalformedItemError } from '../table/items.ts';
import { getMessage } from '../table/log.ts';
import { type EngineCall, observeCalls, type Table } from '../table/table.ts';
import type { WorkerMetrics } from '../telemetry/metrics.ts';

/** Is called with each batch once its first attempt has ended, and with the calls that it made. */
export type BatchListener = (
  batch: Call & { readonly records: number; readonly engineCalls: readonly EngineCall[] },
) => void;

export interface BatchParts {
  readonly table: Table;
  readonly store: CheckpointTable;
  readonly stream: TableStream;
  readonly retries: Retries;
  readonly metrics: WorkerMetrics;
  readonly log: Log;
  /** Gives up all calls. */
  readonly signal: AbortSignal;
  readonly onBatch?: BatchListener | undefined;
}

/** Applies a batch of records to the summaries. Keeps dead letters beside the checkpoints. */
export async function processBatch(
  { table, store, stream, retries, metrics, log, signal, onBatch }: BatchParts,
  records: readonly StreamRecord[],
): Promise<{ settled: Promise<void> }> {
  const engineCalls: EngineCall[] = [];
  const onCall = (call: EngineCall) => {
    metrics.onEngineCall(call);
    if (onBatch) engineCalls.push(call);
  };
  const observed = observeCalls(table, onCall, { signal });
  const current = await currentRecords(observed, stream, records, signal);
  if (current.length < records.length)
    log.info({ records: records.length - current.length }, 'records of an older table are ignored');
  const keep = keeper({ store, stream, metrics, signal, log });
  return timed(
    'update summaries',
    () => processRecords({ table: observed, retries, keep }, current),
    (call) => onBatch?.({ ...call, records: records.length, engineCalls }),
  );
}

/** Streams of which a record was found in the log: all records after it are of the table too. */
const pastOld = new WeakSet<TableStream>();

/** Returns the records without those of an older table, which come first. */
async function currentRecords(
  table: Table,
  stream: TableStream,
  records: readonly StreamRecord[],
  signal: AbortSignal,
): Promise<StreamRecord[]> {
  const current: StreamRecord[] = [];
  for (const record of records) {
    const age = ageOf(record, stream.tableCreatedAt);
    const isUnsure = age === 'unsure' && !pastOld.has(stream);
    if (age === 'older' || (isUnsure && !(await isInLog(table, stream, record, signal)))) continue;
    current.push(record);
  }
  return current;
}

/** Tells whether a record is of a message of the table, and not of an older table. Looks it up, however often that has to be tried. */
async function isInLog(
  table: Table,
  stream: TableStream,
  { dynamodb }: StreamRecord,
  signal: AbortSignal,
): Promise<boolean> {
  const logged = messageOrUndefined(dynamodb?.NewImage);
  if (!logged) return true;
  const { messageGroupId, message } = logged;
  const found = await pRetry(() => getMessage(table, messageGroupId, message.sequence), { ...FOR_EVER, signal });
  if (found?.message.id !== message.id) return false;
  pastOld.add(stream);
  return true;
}

function messageOrUndefined(image: Parameters<typeof messageOfImage>[0] | undefined) {
  try {
    return image && messageOfImage(image);
  } catch (error) {
    if (error instanceof MalformedItemError) return undefined;
    throw error;
  }
}

const FOR_EVER = { retries: Number.POSITIVE_INFINITY, minTimeout: 100, maxTimeout: 5_000 };

/** Returns a function that keeps a dead letter, however often that has to be tried. It has no part in the scope that holds a batch's records. */
function keeper({
  store,
  stream,
  metrics,
  signal,
  log,
}: Pick<BatchParts, 'store' | 'stream' | 'metrics' | 'signal' | 'log'>) {
  return async (dead: DeadRecord): Promise<void> => {
    const { sequenceNumber, itemKey, reason } = dead;
    await pRetry(() => keepDeadLetter(store, stream.streamArn, { ...dead, setAsideAt: new Date().toISOString() }), {
      ...FOR_EVER,
      signal,
      onFailedAttempt: ({ error }) =>
        log.warn({ err: error, sequenceNumber }, 'could not keep a dead letter, trying again'),
    });
    metrics.onDeadLetter();
    log.warn({ sequenceNumber, ...itemKey, reason }, 'dead letter');
  };
}
