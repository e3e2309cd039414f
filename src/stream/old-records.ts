import type { StreamRecord } from './shards.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/**
 * Tells whether a record is older than the table. Some engines replay the records of a table that was dropped to the stream of the next table of
 * its name. Engines round the time of a record down, to a second or to a minute, so the table's time is rounded alike.
 *
 * @param tableCreatedAt milliseconds since 1970
 */
export function isOlderThan({ dynamodb }: StreamRecord, tableCreatedAt: number): boolean {
  const writtenAt = dynamodb?.ApproximateCreationDateTime?.getTime();
  if (writtenAt === undefined) return false;
  const unit = writtenAt % MINUTE_MS === 0 ? MINUTE_MS : SECOND_MS;
  return writtenAt < Math.floor(tableCreatedAt / unit) * unit;
}
