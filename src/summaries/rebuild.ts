import type { Table } from '../table/table.ts';
import { type Difference, findDifferences, mend } from './audit.ts';

/** What a rebuild did. */
export interface Rebuilt {
  readonly mended: number;
  /** What could not be mended. */
  readonly left: readonly Difference[];
}

/** Mends every summary that is not what its group's log says. It can run while the system does, and any number of times. */
export async function rebuildSummaries(table: Table, onGroup?: () => void): Promise<Rebuilt> {
  let mended = 0;
  const left: Difference[] = [];
  for await (const difference of findDifferences(table, onGroup)) {
    if (await mend(table, difference)) mended += 1;
    else left.push(difference);
  }
  return { mended, left };
}
