import { Command } from 'commander';
import { checkpointTable, createCheckpointTableIfMissing } from '../../stream/checkpoint-table.ts';
import { createTableIfMissing, tableDifferences } from '../../table/definition.ts';
import { type Operator, withTable } from '../operator.ts';

export function schemaLoad(operator: Operator): Command {
  const { terminal } = operator;
  return new Command('schema-load')
    .description(
      'create the table, its index, its stream and its time to live, and the table of checkpoints; what is there stays, and its differences are printed, with exit code 1',
    )
    .action(() =>
      withTable(operator, async (table) => {
        const checkpoints = checkpointTable(table);
        const made = await createTableIfMissing(table);
        const madeCheckpoints = await createCheckpointTableIfMissing(checkpoints);
        terminal.print(`${table.name}: ${made ? 'created' : 'is there'}`);
        terminal.print(`${checkpoints.name}: ${madeCheckpoints ? 'created' : 'is there'}`);
        const differences = await tableDifferences(table);
        for (const difference of differences) terminal.print(difference);
        if (differences.length > 0) operator.foundWrong();
      }),
    );
}
