import { setTimeout as delay } from 'node:timers/promises';
import { type Difference, findDifferences, groupDifferences } from '../summaries/audit.ts';
import { rebuildSummaries } from '../summaries/rebuild.ts';
import { getProfile } from '../table/profiles.ts';
import type { Table } from '../table/table.ts';

/** Where a command writes: lines of text. */
export type Print = (line: string) => void;

/** A summary that only lags gets this long to catch up. */
const LOOKS = 5;
const BETWEEN_LOOKS_MS = 500;

/** Compares every summary with the logs and prints the differences. @returns the exit code: 1 if there are any */
export async function verifySummaries(table: Table, print: Print): Promise<number> {
  let count = 0;
  for await (const first of findDifferences(table)) {
    const difference = await lookAgain(table, first);
    if (!difference) continue;
    count += 1;
    print(describe(difference));
  }
  print(
    count === 0 ? 'All summaries are as the logs say.' : `${count} summaries differ: "summaries rebuild" mends them.`,
  );
  return count === 0 ? 0 : 1;
}

/** Mends every summary that differs from the logs. @returns the exit code: 1 if something could not be mended */
export async function rebuildAllSummaries(table: Table, print: Print): Promise<number> {
  const { mended, left } = await rebuildSummaries(table);
  for (const difference of left) print(`not mended: ${describe(difference)}`);
  print(`${mended} summaries mended, ${left.length} left.`);
  return left.length === 0 ? 0 : 1;
}

async function lookAgain(table: Table, first: Difference): Promise<Difference | undefined> {
  let difference: Difference | undefined = first;
  for (let looks = 1; difference?.expected && looks < LOOKS; looks += 1) {
    await delay(BETWEEN_LOOKS_MS);
    const profile = await getProfile(table, first.messageGroupId);
    const now: Difference[] = profile ? await groupDifferences(table, profile) : [];
    difference = now.find(({ userId }) => userId === first.userId);
  }
  return difference;
}

function describe({ userId, messageGroupId, fields, found, expected }: Difference): string {
  const details = fields.map((field) => {
    if (field === 'missing' || field === 'orphan') return field;
    return `${field} is ${JSON.stringify(found?.[field])}, should be ${JSON.stringify(expected?.[field])}`;
  });
  return `user ${userId} group ${messageGroupId}: ${details.join('; ')}`;
}
