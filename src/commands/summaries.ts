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
  let differences: Difference[] = [];
  for await (const difference of findDifferences(table)) differences.push(difference);
  for (let looks = 1; looks < LOOKS && differences.some(({ expected }) => expected); looks += 1) {
    await delay(BETWEEN_LOOKS_MS);
    differences = await lookAgain(table, differences);
  }
  for (const difference of differences) print(describe(difference));
  const { length } = differences;
  print(
    length === 0 ? 'All summaries are as the logs say.' : `${length} summaries differ: "summaries rebuild" mends them.`,
  );
  return length === 0 ? 0 : 1;
}

/** Mends every summary that differs from the logs. @returns the exit code: 1 if something could not be mended */
export async function rebuildAllSummaries(table: Table, print: Print): Promise<number> {
  const { mended, left } = await rebuildSummaries(table);
  for (const difference of left) print(`not mended: ${describe(difference)}`);
  print(`${mended} summaries mended, ${left.length} left.`);
  return left.length === 0 ? 0 : 1;
}

/** What is left of the differences. */
async function lookAgain(table: Table, differences: readonly Difference[]): Promise<Difference[]> {
  const left = differences.filter(({ expected }) => !expected);
  for (const messageGroupId of new Set(differences.map((difference) => difference.messageGroupId))) {
    const profile = await getProfile(table, messageGroupId);
    if (profile) left.push(...(await groupDifferences(table, profile)));
  }
  return left;
}

function describe({ userId, messageGroupId, fields, found, expected }: Difference): string {
  const details = fields.map((field) => {
    if (field === 'missing' || field === 'orphan') return field;
    return `${field} is ${JSON.stringify(found?.[field])}, should be ${JSON.stringify(expected?.[field])}`;
  });
  return `user ${userId} group ${messageGroupId}: ${details.join('; ')}`;
}
