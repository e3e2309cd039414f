import { ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { Command } from 'commander';
import type { Table } from '../../table/table.ts';
import { type Operator, withTable } from '../operator.ts';

export function listTables(operator: Operator): Command {
  return new Command('list-tables')
    .description("print the names of the engine's tables")
    .option('--json', 'as JSON')
    .action(({ json }: { json?: true }) =>
      withTable(operator, async ({ client }) => {
        const names = await tableNames(client);
        if (json) operator.terminal.json(names);
        else for (const name of names) operator.terminal.print(name);
      }),
    );
}

/** The SDK's paginator takes no document client. */
async function tableNames(client: Table['client']): Promise<string[]> {
  const names: string[] = [];
  let after: string | undefined;
  do {
    const { TableNames = [], LastEvaluatedTableName } = await client.send(
      new ListTablesCommand({ ExclusiveStartTableName: after }),
    );
    names.push(...TableNames);
    after = LastEvaluatedTableName;
  } while (after !== undefined);
  return names;
}
