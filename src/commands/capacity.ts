import { type EngineCall, observeCalls, type Table } from '../table/table.ts';

/** What reads of the table cost. */
export interface Meter {
  /** The table, whose calls are counted. */
  readonly table: Table;
  /** Such as `1 Query, 0.5 read capacity units`. */
  summary(): string;
}

export function meterReads(table: Table): Meter {
  const calls: EngineCall[] = [];
  return {
    table: observeCalls(table, (call) => calls.push(call)),
    summary: () => {
      const counts = new Map<string, number>();
      // By name: of calls side by side, either may be answered first.
      for (const operation of calls.map((call) => call.operation).sort())
        counts.set(operation, (counts.get(operation) ?? 0) + 1);
      const units = calls.reduce((sum, { capacityUnits }) => sum + capacityUnits, 0);
      return [...Array.from(counts, ([name, count]) => `${count} ${name}`), `${units} read capacity units`].join(', ');
    },
  };
}
