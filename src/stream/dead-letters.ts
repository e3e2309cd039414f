import { DeleteCommand, PutCommand, paginateQuery } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import type { LeaseTable } from './leases.ts';
import type { StreamRecord } from './shards.ts';

/** A record that could not be processed, set aside whole so that its shard can go on. */
export interface DeadLetter {
  readonly sequenceNumber: string;
  readonly record: StreamRecord;
  /** Why it can't be processed. */
  readonly reason: string;
  /** How often it was tried. */
  readonly attempts: number;
  /** When it was set aside; RFC 3339. */
  readonly setAsideAt: string;
}

const deadLetterItem = z.object({
  sk: z.string(),
  record: z.string(),
  reason: z.string(),
  attempts: z.int().positive(),
  setAsideAt: z.string(),
});

/** Apart from the streams' own partitions, whose keys are ARNs. */
function partition(streamArn: string): string {
  return `DEAD#${streamArn}`;
}

/** Keeps a dead letter. The same record again takes the place of the first. */
export async function keepDeadLetter(table: LeaseTable, streamArn: string, letter: DeadLetter): Promise<void> {
  const { sequenceNumber, record, reason, attempts, setAsideAt } = letter;
  await table.client.send(
    new PutCommand({
      TableName: table.name,
      Item: { pk: partition(streamArn), sk: sequenceNumber, record: toJson(record), reason, attempts, setAsideAt },
    }),
  );
}

/** The dead letters of a stream, oldest first. */
export async function listDeadLetters(table: LeaseTable, streamArn: string): Promise<DeadLetter[]> {
  const pages = paginateQuery(
    { client: table.client },
    {
      TableName: table.name,
      KeyConditionExpression: 'pk = :partition',
      ExpressionAttributeValues: { ':partition': partition(streamArn) },
      ConsistentRead: true,
    },
  );
  const letters: DeadLetter[] = [];
  for await (const { Items = [] } of pages) {
    for (const item of Items) {
      const { sk, record, ...kept } = deadLetterItem.parse(item);
      letters.push({ sequenceNumber: sk, record: fromJson(record), ...kept });
    }
  }
  return letters.sort((a, b) => compareSequenceNumbers(a.sequenceNumber, b.sequenceNumber));
}

/** Forgets a dead letter, once it was processed after all. */
export async function forgetDeadLetter(table: LeaseTable, streamArn: string, sequenceNumber: string): Promise<void> {
  await table.client.send(
    new DeleteCommand({ TableName: table.name, Key: { pk: partition(streamArn), sk: sequenceNumber } }),
  );
}

/** Sequence numbers are decimal and up to 40 digits; not every engine pads them. */
export function compareSequenceNumbers(a: string, b: string): number {
  const [left, right] = [BigInt(a), BigInt(b)];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Binary values and dates have no form of their own in JSON. */
function toJson(record: StreamRecord): string {
  return JSON.stringify(record, function (this: Record<string, unknown>, key, value: unknown) {
    // A Buffer, which is a Uint8Array too, has become something else before it gets here.
    const original = this[key];
    return original instanceof Uint8Array ? { base64: Buffer.from(original).toString('base64') } : value;
  });
}

function fromJson(json: string): StreamRecord {
  return JSON.parse(json, (key, value) => {
    if (key === 'ApproximateCreationDateTime') return new Date(value);
    const isBinary = value !== null && typeof value === 'object' && typeof value.base64 === 'string';
    return isBinary ? new Uint8Array(Buffer.from(value.base64, 'base64')) : value;
  });
}
