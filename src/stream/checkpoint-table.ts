import { ConditionalCheckFailedException, type CreateTableCommandInput } from '@aws-sdk/client-dynamodb';
import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  paginateQuery,
  UpdateCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { createTable } from '../dynamodb/create-table.ts';

/**
 * The table beside the messages that holds the worker's own state: its lease, checkpoints, parked work, the state of a repair, and dead
 * letters.
 */
export interface CheckpointTable {
  readonly client: DynamoDBDocumentClient;
  readonly name: string;
  /** Ends all calls when it is aborted. */
  readonly signal?: AbortSignal;
}

/** An item's key. */
export interface CheckpointKey {
  readonly pk: string;
  readonly sk: string;
}

/** Returns the checkpoint table of a table. */
export function checkpointTable({ client, name }: Pick<CheckpointTable, 'client' | 'name'>): CheckpointTable {
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
export function createCheckpointTableIfMissing({ client, name }: CheckpointTable): Promise<boolean> {
  return createTable(client, checkpointTableDefinition(name));
}

function endsBy(abortSignal: AbortSignal | undefined) {
  return abortSignal ? { abortSignal } : {};
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
    endsBy(table.signal),
  );
  const items: Record<string, unknown>[] = [];
  for await (const { Items = [] } of pages) items.push(...Items);
  return items;
}

/** Reads an item consistently. */
export async function getItem(
  { client, name, signal }: CheckpointTable,
  key: CheckpointKey,
): Promise<Record<string, unknown> | undefined> {
  const command = new GetCommand({ TableName: name, Key: { ...key }, ConsistentRead: true });
  return (await client.send(command, endsBy(signal))).Item;
}

/** Puts an item. */
export async function putItem(
  { client, name, signal }: CheckpointTable,
  item: CheckpointKey & Readonly<Record<string, unknown>>,
): Promise<void> {
  await client.send(new PutCommand({ TableName: name, Item: { ...item } }), endsBy(signal));
}

/**
 * Deletes an item.
 *
 * @param version a condition: the item has this version
 * @returns whether the condition held
 */
export async function deleteItem(
  { client, name, signal }: CheckpointTable,
  key: CheckpointKey,
  version?: string,
): Promise<boolean> {
  const condition = version !== undefined && {
    ConditionExpression: 'version = :version',
    ExpressionAttributeValues: { ':version': version },
  };
  try {
    await client.send(new DeleteCommand({ TableName: name, Key: { ...key }, ...condition }), endsBy(signal));
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/**
 * Updates an item on a condition.
 *
 * @returns the attributes that `ReturnValues` asks for; undefined if the condition does not hold
 */
export async function updateItem(
  { client, name, signal }: CheckpointTable,
  key: CheckpointKey,
  input: Omit<UpdateCommandInput, 'TableName' | 'Key'>,
): Promise<Record<string, unknown> | undefined> {
  try {
    const command = new UpdateCommand({ ...input, TableName: name, Key: { ...key } });
    const { Attributes = {} } = await client.send(command, endsBy(signal));
    return Attributes;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return undefined;
    throw error;
  }
}
