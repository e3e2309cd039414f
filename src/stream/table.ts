import {
  CreateTableCommand,
  type CreateTableCommandInput,
  ResourceInUseException,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import type { LeaseTable } from './leases.ts';

/** The table of checkpoints, leases and dead letters, as CreateTable wants it. */
export function leaseTableDefinition(name: string): CreateTableCommandInput {
  return {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
  };
}

/**
 * Makes the table unless it is there, and waits until it can be used, at most a minute.
 *
 * @returns whether it was made
 */
export async function createLeaseTableIfMissing({ client, name }: LeaseTable): Promise<boolean> {
  try {
    await client.send(new CreateTableCommand(leaseTableDefinition(name)));
  } catch (error) {
    if (error instanceof ResourceInUseException) return false;
    throw error;
  }
  await waitUntilTableExists({ client, minDelay: 1, maxWaitTime: 60 }, { TableName: name });
  return true;
}

/** The table beside another that keeps the checkpoints of its stream. */
export function checkpointTable({ client, name }: LeaseTable): LeaseTable {
  return { client, name: `${name}-checkpoints` };
}
