import {
  CreateTableCommand,
  type CreateTableCommandInput,
  ResourceInUseException,
  UpdateTimeToLiveCommand,
  type UpdateTimeToLiveCommandInput,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { INBOX_INDEX } from './keys.ts';
import type { Table } from './table.ts';

/** The table as CreateTable wants it: the one definition, used everywhere that the table is made. */
export function tableDefinition(name: string): CreateTableCommandInput {
  return {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'S' },
      { AttributeName: 'activityKey', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: INBOX_INDEX,
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'activityKey', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'ALL' },
      },
    ],
    StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
  };
}

/** The table's time to live, which CreateTable can't set. */
export function timeToLiveDefinition(name: string): UpdateTimeToLiveCommandInput {
  return {
    TableName: name,
    TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
  };
}

/**
 * Makes the table unless it is there, and waits until it can be used, at most a minute.
 *
 * @returns whether it was made
 */
export async function createTableIfMissing(table: Table): Promise<boolean> {
  try {
    await table.client.send(new CreateTableCommand(tableDefinition(table.name)));
  } catch (error) {
    if (error instanceof ResourceInUseException) return false;
    throw error;
  }
  await waitUntilTableExists({ client: table.client, minDelay: 1, maxWaitTime: 60 }, { TableName: table.name });
  await table.client.send(new UpdateTimeToLiveCommand(timeToLiveDefinition(table.name)));
  return true;
}
