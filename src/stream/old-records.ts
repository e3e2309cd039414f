import type { StreamRecord } from './shards.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/**
 * Compares a record with its table. Some engines replay the records of a table that was dropped to the stream of the next table of its name.
 * Engines round the time of a record down, to a second or to a minute, so a record of that second or minute may be older.
 *
 * @param tableCreatedAt milliseconds since 1970
 */
export function ageOf({ dynamodb }: StreamRecord, tableCreatedAt: number): 'older' | 'unsure' | 'newer' {
  const writtenAt = dynamodb?.ApproximateCreationDateTime?.getTime();
  if (writtenAt === undefined || writtenAt >= tableCreatedAt) return 'newer';
  const unit = writtenAt % MINUTE_MS === 0 ? MINUTE_MS : SECOND_MS;
  return writtenAt < Math.floor(tableCreatedAt / unit) * unit ? 'older' : 'unsure';
}
