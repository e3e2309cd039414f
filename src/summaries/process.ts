import pRetry from 'p-retry';
import type { Table } from '../table/table.ts';
import { applyRecords, type Failure, type TableRecord } from './apply.ts';

/** A record that can never be applied, and after how many attempts that was known. */
export interface PoisonRecord<Source> {
  readonly record: Source;
  readonly reason: string;
  readonly attempts: number;
}

class TransientFailures extends Error {}

/**
 * Applies records until each is applied or known to be poison. What may pass is tried again for as long as it takes, after
 * waits that double from 100 ms to 5 s.
 *
 * @throws when the signal is aborted in the meantime
 */
export async function processRecords<Source extends TableRecord>(
  table: Table,
  records: readonly Source[],
  signal: AbortSignal,
  onRetry: (failure: Failure<Source>, pending: number) => void,
): Promise<PoisonRecord<Source>[]> {
  const poison: PoisonRecord<Source>[] = [];
  let pending = records;
  await pRetry(
    async (attempts) => {
      const failures = await applyRecords(table, pending);
      poison.push(
        ...failures.filter(({ transient }) => !transient).map(({ record, reason }) => ({ record, reason, attempts })),
      );
      const passing = failures.filter(({ transient }) => transient);
      pending = passing.map(({ record }) => record);
      const [first] = passing;
      if (!first) return;
      onRetry(first, pending.length);
      throw new TransientFailures(first.reason);
    },
    {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 100,
      maxTimeout: 5_000,
      randomize: true,
      signal,
      shouldRetry: ({ error }) => error instanceof TransientFailures,
    },
  );
  return poison;
}
