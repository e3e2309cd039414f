import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { CheckpointTable } from './checkpoint-table.ts';

const KEY = { pk: 'STREAM', sk: 'CURRENT' };

/**
 * Notes the stream that is read from now on. If no stream or another one was noted, records may be lost between them: the table's stream was
 * switched off and on, the checkpoints were deleted, or no worker ever ran.
 *
 * @param onLoss is called before the stream is noted
 */
export async function noteStream(
  { client, name }: CheckpointTable,
  streamArn: string,
  onLoss: (reason: string) => Promise<void>,
): Promise<void> {
  const { Item } = await client.send(new GetCommand({ TableName: name, Key: KEY, ConsistentRead: true }));
  if (Item?.['streamArn'] === streamArn) return;
  await onLoss(Item ? 'the table has another stream' : 'no stream of the table was read before');
  await client.send(new PutCommand({ TableName: name, Item: { ...KEY, streamArn } }));
}
