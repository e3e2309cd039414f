import { limitCalls, type Table } from '../table/table.ts';
import { applyRecords, type DeadRecord, deadRecords, type TableRecord } from './apply.ts';
import type { GroupChange } from './changes.ts';
import type { Retries } from './retries.ts';

/** The deadline of the first attempt of a call, in milliseconds. A call that takes longer is retried beside the records that follow. */
const FIRST_ATTEMPT_MS = 1_000;

export interface ProcessorOptions {
  readonly table: Table;
  readonly retries: Retries;
  /** Keeps a dead letter. Resolves once it is kept. */
  readonly keep: (dead: DeadRecord) => Promise<void>;
}

/**
 * Applies a batch of records. Writes that fail are retried beside the records that follow, unless nothing succeeds: then the batch waits.
 *
 * @returns a promise of the batch's end: each record is applied, parked, or kept as a dead letter
 */
export async function processRecords(
  { table, retries, keep }: ProcessorOptions,
  records: readonly TableRecord[],
): Promise<{ settled: Promise<void> }> {
  const startedAt = performance.now();
  const first = limitCalls(table, FIRST_ATTEMPT_MS);
  const { written, failed, dead } = await applyRecords(first, records, (group, user) => retries.has(group, user));
  if (written > 0) retries.onWritten();
  const retry = async (change: GroupChange, userId: string | undefined) => {
    // The rest of the change has a text, and may have to wait for long.
    const { messageGroupId, sources } = change;
    if (!(await retries.add(change, userId, startedAt)))
      await Promise.all(deadRecords({ messageGroupId, sources }).map(keep));
  };
  const settled = Promise.all([...dead.map(keep), ...failed.map(({ change, userId }) => retry(change, userId))]).then(
    () => {},
  );
  await retries.waitForSuccess(settled);
  return { settled };
}
