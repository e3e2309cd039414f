import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  type CreateTableCommandInput,
  ResourceInUseException,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import {
  type DynamoDBDocumentClient,
  paginateQuery,
  UpdateCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';

/**
 * The table beside the messages that holds the worker's own state: its lease, checkpoints, parked work, the state of a repair, and dead
 * letters.
 */
export interface CheckpointTable {
  readonly client: DynamoDBDocumentClient;
  readonly name: string;
}

/** An item's key. */
export interface CheckpointKey {
  readonly pk: string;
  readonly sk: string;
}

/** Returns the checkpoint table of a table. */
export function checkpointTable({ client, name }: CheckpointTable): CheckpointTable {
  return { client, name: `${name}-checkpoints` };
}

/** Returns the table's definition, as CreateTable takes it. */
export function checkpointTableDefinition(name: string): CreateTableCommandInput {
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
 * Creates the table unless it exists, and waits until it can be used, at most a minute.
 *
 * @returns whether it was created
 */
export async function createCheckpointTableIfMissing({ client, name }: CheckpointTable): Promise<boolean> {
  try {
    await client.send(new CreateTableCommand(checkpointTableDefinition(name)));
  } catch (error) {
    if (error instanceof ResourceInUseException) return false;
    throw error;
  }
  await waitUntilTableExists({ client, minDelay: 1, maxWaitTime: 60 }, { TableName: name });
  return true;
}

/** Reads all items of a partition consistently. */
export async function listItems(table: CheckpointTable, pk: string): Promise<Record<string, unknown>[]> {
  const pages = paginateQuery(
    { client: table.client },
    {
      TableName: table.name,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': pk },
      ConsistentRead: true,
    },
  );
  const items: Record<string, unknown>[] = [];
  for await (const { Items = [] } of pages) items.push(...Items);
  return items;
}

/**
 * Updates an item on a condition.
 *
 * @returns the attributes that `ReturnValues` asks for; undefined if the condition does not hold
 */
export async function updateItem(
  { client, name }: CheckpointTable,
  key: CheckpointKey,
  input: Omit<UpdateCommandInput, 'TableName' | 'Key'>,
): Promise<Record<string, unknown> | undefined> {
  try {
    const { Attributes = {} } = await client.send(new UpdateCommand({ ...input, TableName: name, Key: { ...key } }));
    return Attributes;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return undefined;
    throw error;
  }
}
