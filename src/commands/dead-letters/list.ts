import { Command } from 'commander';
import { listDeadLetters } from '../../stream/dead-letters.ts';
import { type Operator, withTable } from '../operator.ts';
import { streamOf } from './stream.ts';

export function list(operator: Operator): Command {
  const { terminal } = operator;
  return new Command('list')
    .description('print the dead letters, oldest first')
    .option('--json', 'as JSON')
    .action(({ json }: { json?: true }) =>
      withTable(operator, async (table) => {
        const { checkpoints, streamArn } = await streamOf(table);
        const letters = await listDeadLetters(checkpoints, streamArn);
        if (json) return terminal.json(letters);
        terminal.table(
          ['SEQUENCE NUMBER', 'SET ASIDE', 'ITEM', 'REASON'],
          letters.map(({ sequenceNumber, setAsideAt, itemKey, reason }) => [
            sequenceNumber,
            setAsideAt,
            `${itemKey.pk} ${itemKey.sk}`,
            reason,
          ]),
        );
        terminal.print(`${letters.length} dead letters.`);
      }),
    );
}
