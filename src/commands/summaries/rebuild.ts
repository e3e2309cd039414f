import { Command } from 'commander';
import { auditTable } from '../../summaries/rebuild.ts';
import { type Operator, withTable } from '../operator.ts';
import { FindingsReport } from './findings-report.ts';

export function rebuild(operator: Operator): Command {
  const { terminal } = operator;
  return new Command('rebuild')
    .description(
      'repair every summary that differs from the logs, and report all that stays wrong; safe while the system runs; exit code 1 if anything stays wrong',
    )
    .option('--json', 'a line of JSON for each finding, and one for the counts')
    .action(({ json = false }: { json?: boolean }) =>
      withTable(operator, async (table) => {
        const progress = terminal.progress('Message groups');
        const report = new FindingsReport(terminal, json);
        const options = { repair: true, onGroup: progress.advance };
        const counts = await auditTable(table, options, report.add).finally(progress.end);
        if (report.total > 0) operator.foundWrong();
        report.end(counts);
      }),
    );
}
