import { Command } from 'commander';
import { type DeadLetter, forgetDeadLetter, keepDeadLetter, listDeadLetters } from '../../stream/dead-letters.ts';
import { applyRecords } from '../../summaries/apply.ts';
import { type Operator, withTable } from '../operator.ts';
import { streamOf } from './stream.ts';

export function replay(operator: Operator): Command {
  const { terminal } = operator;
  return new Command('replay')
    .description('apply the dead letters again, and forget those that succeed; exit code 1 if any is left')
    .option('--json', 'those that are left, as JSON')
    .action(({ json }: { json?: true }) =>
      withTable(operator, async (table) => {
        const { checkpoints, streamArn } = await streamOf(table);
        const letters = await listDeadLetters(checkpoints, streamArn);
        const progress = terminal.progress('Dead letters', letters.length);
        const left: DeadLetter[] = [];
        for (const letter of letters) {
          const [failure] = await applyRecords(table, [letter.record]);
          if (failure) {
            const again = { ...letter, reason: failure.reason, attempts: letter.attempts + 1 };
            await keepDeadLetter(checkpoints, streamArn, again);
            left.push(again);
          } else await forgetDeadLetter(checkpoints, streamArn, letter.sequenceNumber);
          progress.advance();
        }
        progress.end();
        if (left.length > 0) operator.foundWrong();
        if (json) return terminal.json(left);
        for (const { sequenceNumber, reason } of left) terminal.print(`${sequenceNumber} is left: ${reason}`);
        terminal.print(`${letters.length - left.length} dead letters replayed, ${left.length} left.`);
      }),
    );
}
