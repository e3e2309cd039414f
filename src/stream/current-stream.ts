import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import type { CheckpointTable } from './checkpoint-table.ts';

const KEY = { pk: 'STREAM', sk: 'CURRENT' };

const currentItem = z.object({ streamArn: z.string(), readAt: z.number() });

/** A stream keeps records for 24 hours. One that was read within this time has lost none, in milliseconds. */
export const KEPT_MS = 23 * 60 * 60 * 1_000;

/**
 * Notes the stream that is read from now on. Records may be lost if another stream was noted, none, or if the noted one was not read for 23
 * hours: the table's stream was switched off and on, the checkpoints were deleted, or no worker ran. Shards may have come and gone meanwhile.
 *
 * @param onLoss is called before the stream is noted
 */
export async function noteStream(
  store: CheckpointTable,
  streamArn: string,
  onLoss: (reason: string) => Promise<void>,
): Promise<void> {
  const { Item } = await store.client.send(new GetCommand({ TableName: store.name, Key: KEY, ConsistentRead: true }));
  // A note that cannot be read is none: a repair too many harms nobody.
  const reason = lossOf(currentItem.safeParse(Item).data, streamArn);
  if (reason === undefined) return;
  await onLoss(reason);
  await noteRead(store, streamArn);
}

/** Notes that the stream is being read: its shards are known as they come. */
export async function noteRead({ client, name }: CheckpointTable, streamArn: string): Promise<void> {
  await client.send(new PutCommand({ TableName: name, Item: { ...KEY, streamArn, readAt: Date.now() } }));
}

function lossOf(current: z.infer<typeof currentItem> | undefined, streamArn: string): string | undefined {
  if (!current) return 'no stream of the table was read before';
  if (current.streamArn !== streamArn) return 'the table has another stream';
  return Date.now() - current.readAt < KEPT_MS ? undefined : 'the stream was not read for 23 hours';
}
