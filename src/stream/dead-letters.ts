import * as z from 'zod';
import { type CheckpointTable, deleteItem, listItems, putItem } from './checkpoint-table.ts';

/** A record that can never be processed. It holds the key of the record's item, and never what the item holds. */
export interface DeadLetter {
  readonly sequenceNumber: string;
  /** The partition key and the sort key of the item. */
  readonly itemKey: { readonly pk: string; readonly sk: string };
  readonly reason: string;
  /** When it was set aside; RFC 3339. */
  readonly setAsideAt: string;
}

const deadLetterItem = z.object({
  sk: z.string().regex(/^\d+$/),
  itemPk: z.string().default(''),
  itemSk: z.string().default(''),
  reason: z.string(),
  setAsideAt: z.string(),
});

/** Returns the partition of a stream's dead letters, which is not that of its checkpoints. */
function partition(streamArn: string): string {
  return `DEAD#${streamArn}`;
}

/** Keeps a dead letter. A dead letter of the same record is replaced. */
export async function keepDeadLetter(table: CheckpointTable, streamArn: string, letter: DeadLetter): Promise<void> {
  const { sequenceNumber, itemKey, reason, setAsideAt } = letter;
  const key = { pk: partition(streamArn), sk: sequenceNumber };
  await putItem(table, { ...key, itemPk: itemKey.pk, itemSk: itemKey.sk, reason, setAsideAt });
}

/** Lists the dead letters of a stream, oldest first. Items that cannot be read are left out. */
export async function listDeadLetters(table: CheckpointTable, streamArn: string): Promise<DeadLetter[]> {
  const letters = (await listItems(table, partition(streamArn))).flatMap((item): DeadLetter[] => {
    const { data } = deadLetterItem.safeParse(item);
    if (!data) return [];
    const { sk, itemPk, itemSk, reason, setAsideAt } = data;
    return [{ sequenceNumber: sk, itemKey: { pk: itemPk, sk: itemSk }, reason, setAsideAt }];
  });
  return letters.sort((a, b) => compareSequenceNumbers(a.sequenceNumber, b.sequenceNumber));
}

/** Deletes a dead letter. */
export async function deleteDeadLetter(
  table: CheckpointTable,
  streamArn: string,
  sequenceNumber: string,
): Promise<void> {
  await deleteItem(table, { pk: partition(streamArn), sk: sequenceNumber });
}

/** Compares sequence numbers. They are decimal, have up to 40 digits, and are not padded by every engine. */
export function compareSequenceNumbers(a: string, b: string): number {
  const [left, right] = [BigInt(a), BigInt(b)];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
