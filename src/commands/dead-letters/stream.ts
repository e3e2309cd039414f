import type { CheckpointTable } from '../../stream/checkpoint-table.ts';
import { checkpointTable } from '../../stream/checkpoint-table.ts';
import { findStream } from '../../stream/client.ts';
import type { Table } from '../../table/table.ts';
import { CommandError } from '../operator.ts';

/** The table's stream, and the table that its dead letters are in. */
export async function streamOf(table: Table): Promise<{ checkpoints: CheckpointTable; streamArn: string }> {
  const stream = await findStream(table.client, table.name);
  if (!stream) throw new CommandError(`The table ${table.name} has no stream.`);
  return { checkpoints: checkpointTable(table), streamArn: stream.streamArn };
}
