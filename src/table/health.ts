import { toWire } from '../dynamodb/attribute-values.ts';
import { HEALTH_KEY } from './keys.ts';
import type { Table } from './table.ts';

/** Resolves when the table answers. Half a read capacity unit: the item is never there. */
export async function pingTable(table: Table): Promise<void> {
  await table.call('GetItem', { TableName: table.name, Key: toWire(HEALTH_KEY) });
}
