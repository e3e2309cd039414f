import type { StreamRecord } from './shards.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/**
 * Compares a record with its table. Some engines replay the records of a table that was dropped to the stream of the next table of its name.
 * Engines round times down, that of a record to a second or to a minute, so a record of the second or minute in which the table was created
 * may be older.
 *
 * @param tableCreatedAt milliseconds since 1970
 */
export function ageOf({ dynamodb }: StreamRecord, tableCreatedAt: number): 'older' | 'unsure' | 'newer' {
  const writtenAt = dynamodb?.ApproximateCreationDateTime?.getTime();
  if (writtenAt === undefined) return 'newer';
  const unit = writtenAt % MINUTE_MS === 0 ? MINUTE_MS : SECOND_MS;
  const [written, created] = [Math.floor(writtenAt / unit), Math.floor(tableCreatedAt / unit)];
  if (written === created) return 'unsure';
  return written < created ? 'older' : 'newer';
}
