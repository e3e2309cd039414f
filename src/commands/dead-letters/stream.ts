import { findStreamArn } from '../../stream/client.ts';
import type { LeaseTable } from '../../stream/leases.ts';
import { checkpointTable } from '../../stream/table.ts';
import type { Table } from '../../table/table.ts';
import { CommandError } from '../operator.ts';

/** The table's stream, and the table that its dead letters are in. */
export async function streamOf(table: Table): Promise<{ checkpoints: LeaseTable; streamArn: string }> {
  const streamArn = await findStreamArn(table.client, table.name);
  if (!streamArn) throw new CommandError(`The table ${table.name} has no stream.`);
  return { checkpoints: checkpointTable(table), streamArn };
}
