import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { type Difference, findDifferences, groupDifferences } from '../../summaries/audit.ts';
import { getProfile } from '../../table/profiles.ts';
import type { Table } from '../../table/table.ts';
import { type Operator, withTable } from '../operator.ts';
import { describe } from './describe.ts';

/** A summary that only lags gets this long to catch up. */
const LOOKS = 5;
const BETWEEN_LOOKS_MS = 500;

export function verify(operator: Operator): Command {
  const { terminal } = operator;
  return new Command('verify')
    .description('compare every summary with the logs, and print the differences; exit code 1 if there are any')
    .option('--json', 'as JSON')
    .action(({ json }: { json?: true }) =>
      withTable(operator, async (table) => {
        const progress = terminal.progress('Message groups');
        const differences = await lastingDifferences(table, progress.advance).finally(progress.end);
        const { length } = differences;
        if (length > 0) operator.foundWrong();
        if (json) return terminal.json(differences);
        for (const difference of differences) terminal.print(describe(difference));
        terminal.print(
          length === 0
            ? 'All summaries are as the logs say.'
            : `${length} summaries differ: "summaries rebuild" mends them.`,
        );
      }),
    );
}

/** What differs now and still does after a while. */
async function lastingDifferences(table: Table, onGroup: () => void): Promise<Difference[]> {
  let differences: Difference[] = [];
  for await (const difference of findDifferences(table, onGroup)) differences.push(difference);
  for (let looks = 1; looks < LOOKS && differences.some(({ expected }) => expected); looks += 1) {
    await delay(BETWEEN_LOOKS_MS);
    differences = await lookAgain(table, differences);
  }
  return differences;
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
