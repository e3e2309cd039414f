import { Command } from 'commander';
import { rebuildSummaries } from '../../summaries/rebuild.ts';
import { type Operator, withTable } from '../operator.ts';
import { describe } from './describe.ts';

export function rebuild(operator: Operator): Command {
  const { terminal } = operator;
  return new Command('rebuild')
    .description(
      'mend every summary that differs from the logs; safe while the system runs; exit code 1 if any is left',
    )
    .option('--json', 'as JSON')
    .action(({ json }: { json?: true }) =>
      withTable(operator, async (table) => {
        const progress = terminal.progress('Message groups');
        const rebuilt = await rebuildSummaries(table, progress.advance).finally(progress.end);
        if (rebuilt.left.length > 0) operator.foundWrong();
        if (json) return terminal.json(rebuilt);
        for (const difference of rebuilt.left) terminal.print(`not mended: ${describe(difference)}`);
        terminal.print(`${rebuilt.mended} summaries mended, ${rebuilt.left.length} left.`);
      }),
    );
}
