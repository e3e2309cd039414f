import { DeleteTableCommand, ResourceNotFoundException, waitUntilTableNotExists } from '@aws-sdk/client-dynamodb';
import { Command } from 'commander';
import { checkpointTable } from '../../stream/checkpoint-table.ts';
import type { Table } from '../../table/table.ts';
import { confirmTarget, type Operator, withTable, YES } from '../operator.ts';

export function drop(operator: Operator): Command {
  return new Command('drop')
    .description('delete the table with all messages, and the table of checkpoints')
    .option(...YES)
    .action(({ yes }: { yes?: string }) =>
      withTable(operator, async (table, { isLocal }) => {
        confirmTarget('table', table.name, isLocal, yes);
        for (const each of [table, checkpointTable(table)]) {
          operator.terminal.print(`${each.name}: ${(await deleteTable(each)) ? 'dropped' : 'is not there'}`);
        }
      }),
    );
}

/** @returns whether it was there */
async function deleteTable({ client, name }: Pick<Table, 'client' | 'name'>): Promise<boolean> {
  try {
    await client.send(new DeleteTableCommand({ TableName: name }));
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return false;
    throw error;
  }
  await waitUntilTableNotExists({ client, minDelay: 1, maxWaitTime: 60 }, { TableName: name });
  return true;
}
