import { limitCalls, type Table } from '../table/table.ts';
import { applyRecords, type DeadRecord, deadRecords, type FailedWrite, type TableRecord } from './apply.ts';
import type { Retries } from './retries.ts';

/** The deadline of the first attempt of a call, in milliseconds. A call that takes longer is retried beside the records that follow. */
const FIRST_ATTEMPT_MS = 1_000;

export interface ProcessorOptions<Source> {
  readonly table: Table;
  readonly retries: Retries;
  /** Keeps a dead letter. Resolves once it is kept. */
  readonly keep: (dead: DeadRecord<Source>) => Promise<void>;
}

/**
 * Applies a batch of records. Writes that fail are retried beside the records that follow, unless nothing succeeds: then the batch waits.
 *
 * @returns a promise of the batch's end: each record is applied, parked, or kept as a dead letter
 */
export async function processRecords<Source extends TableRecord>(
  { table, retries, keep }: ProcessorOptions<Source>,
  records: readonly Source[],
): Promise<{ settled: Promise<void>; deadLetters: number }> {
  const startedAt = performance.now();
  const first = limitCalls(table, FIRST_ATTEMPT_MS);
  const { written, failed, dead } = await applyRecords(first, records, (group, user) => retries.has(group, user));
  if (written > 0) retries.onWritten();
  const retry = async (write: FailedWrite<Source>) => {
    if (!(await retries.add(write, startedAt))) await Promise.all(deadRecords(write.change).map(keep));
  };
  const settled = Promise.all([...dead.map(keep), ...failed.map(retry)]).then(() => {});
  await retries.waitForSuccess(settled);
  return { settled, deadLetters: dead.length };
}
