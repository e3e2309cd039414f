import { paginateListTables } from '@aws-sdk/client-dynamodb';
import { Command } from 'commander';
import { type Operator, withTable } from '../operator.ts';

export function listTables(operator: Operator): Command {
  return new Command('list-tables')
    .description("print the names of the engine's tables")
    .option('--json', 'as JSON')
    .action(({ json }: { json?: true }) =>
      withTable(operator, async ({ client }) => {
        const names: string[] = [];
        for await (const { TableNames = [] } of paginateListTables({ client }, {})) names.push(...TableNames);
        if (json) operator.terminal.json(names);
        else for (const name of names) operator.terminal.print(name);
      }),
    );
}
