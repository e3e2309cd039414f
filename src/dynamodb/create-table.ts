import {
  CreateTableCommand,
  type CreateTableCommandInput,
  type DynamoDBClient,
  ResourceInUseException,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';

/**
 * Creates a table unless it exists, and waits until it can be used, at most a minute.
 *
 * @returns whether it was created
 */
export async function createTable(client: DynamoDBClient, definition: CreateTableCommandInput): Promise<boolean> {
  let isCreated = true;
  try {
    await client.send(new CreateTableCommand(definition));
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
    // Another process may be creating it.
    isCreated = false;
  }
  await waitUntilTableExists({ client, minDelay: 1, maxWaitTime: 60 }, { TableName: definition.TableName });
  return isCreated;
}
