import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { toWire } from '../dynamodb/attribute-values.ts';
import { HEALTH_KEY } from './keys.ts';
import type { Table } from './table.ts';

/** Resolves when the table answers. Half a read capacity unit: the item is never there. */
export async function pingTable(table: Table): Promise<void> {
  await table.call('GetItem', { TableName: table.name, Key: toWire(HEALTH_KEY) });
}

/** Tells whether the table takes writes. One write capacity unit: the condition never holds, so nothing is written. */
export async function takesWrites(table: Table): Promise<boolean> {
  try {
    await table.call('UpdateItem', {
      TableName: table.name,
      Key: toWire(HEALTH_KEY),
      UpdateExpression: 'REMOVE nothing',
      ConditionExpression: 'attribute_exists(pk)',
    });
    return true;
  } catch (error) {
    return error instanceof ConditionalCheckFailedException;
  }
}
