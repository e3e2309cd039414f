import * as z from 'zod';
import { type CheckpointTable, getItem, putItem, updateItem } from './checkpoint-table.ts';

const KEY = { pk: 'STREAM', sk: 'CURRENT' };

const currentItem = z.object({ streamArn: z.string(), readAt: z.number() });

/** A stream keeps records for 24 hours. One that was read within this time has lost none, in milliseconds. */
export const KEPT_MS = 23 * 60 * 60 * 1_000;

/**
 * Notes the stream that is read from now on. Records may be lost if another stream was noted, none, or if the noted one was not read for 23
 * hours: the table's stream was switched off and on, the checkpoints were deleted, or no worker ran. Shards may have come and gone meanwhile.
 *
 * @param onLoss is called before the stream is noted
 * @returns whether the stream is another one than before
 */
export async function noteStream(
  store: CheckpointTable,
  streamArn: string,
  onLoss: (reason: string) => Promise<void>,
): Promise<boolean> {
  // A note that cannot be read is none: a repair too many harms nobody.
  const current = currentItem.safeParse(await getItem(store, KEY)).data;
  const reason = lossOf(current, streamArn);
  if (reason === undefined) return false;
  await onLoss(reason);
  await putItem(store, { ...KEY, streamArn, readAt: Date.now() });
  return current?.streamArn !== streamArn;
}

/** Notes that the stream is being read: its shards are known as they come. Changes nothing if another stream was noted. */
export async function noteRead(store: CheckpointTable, streamArn: string): Promise<void> {
  await updateItem(store, KEY, {
    UpdateExpression: 'SET readAt = :now',
    ConditionExpression: 'streamArn = :stream',
    ExpressionAttributeValues: { ':now': Date.now(), ':stream': streamArn },
  });
}

function lossOf(current: z.infer<typeof currentItem> | undefined, streamArn: string): string | undefined {
  if (!current) return 'no stream of the table was read before';
  if (current.streamArn !== streamArn) return 'the table has another stream';
  return Date.now() - current.readAt < KEPT_MS ? undefined : 'the stream was not read for 23 hours';
}
