import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import type { MessageGroupProfile } from '../../model.ts';
import { auditGroup, type GroupAudit } from '../../summaries/audit.ts';
import { auditTable } from '../../summaries/rebuild.ts';
import type { Table } from '../../table/table.ts';
import { type Operator, withTable } from '../operator.ts';
import { FindingsReport } from './findings-report.ts';

/** A summary that only lags has this long to catch up. */
const LOOKS = 5;
const BETWEEN_LOOKS_MS = 500;

export function verify(operator: Operator): Command {
  const { terminal } = operator;
  return new Command('verify')
    .description('compare every summary with the logs, and report all that is wrong; exit code 1 if anything is wrong')
    .option('--json', 'a line of JSON for each finding, and one for the counts')
    .action(({ json = false }: { json?: boolean }) =>
      withTable(operator, async (table) => {
        const progress = terminal.progress('Message groups');
        const report = new FindingsReport(terminal, json);
        const lookAgain = (profile: MessageGroupProfile, audit: GroupAudit) => afterAWhile(table, profile, audit);
        const options = { repair: false, onGroup: progress.advance, lookAgain };
        const { groups } = await auditTable(table, options, report.add).finally(progress.end);
        if (report.total > 0) operator.foundWrong();
        report.end({ groups });
        if (report.counts['wrong summary'] > 0)
          terminal.remark('The command "summaries rebuild" repairs wrong summaries.');
      }),
    );
}

/** Compares the wrong summaries of a group again, until they are right or stay wrong for two seconds. */
async function afterAWhile(table: Table, profile: MessageGroupProfile, first: GroupAudit): Promise<GroupAudit> {
  let audit = first;
  for (let looks = 1; looks < LOOKS && audit.wrong.length > 0; looks += 1) {
    await delay(BETWEEN_LOOKS_MS);
    const { facts, wrong } = await auditGroup(
      table,
      profile,
      audit.wrong.map(({ userId }) => userId),
    );
    audit = { facts, wrong, findings: first.findings };
  }
  return audit;
}
