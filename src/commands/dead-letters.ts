import { type DeadLetter, forgetDeadLetter, keepDeadLetter, listDeadLetters } from '../stream/dead-letters.ts';
import { checkpointTable } from '../stream/table.ts';
import { applyRecords } from '../summaries/apply.ts';
import type { Table } from '../table/table.ts';
import type { Print } from './summaries.ts';

/** Prints the dead letters of the table's stream, oldest first, as text or as JSON with the whole records. */
export async function showDeadLetters(table: Table, streamArn: string, json: boolean, print: Print): Promise<number> {
  const letters = await listDeadLetters(checkpointTable(table), streamArn);
  if (json) print(JSON.stringify(letters, undefined, 2));
  else {
    for (const letter of letters) print(describe(letter));
    print(`${letters.length} dead letters.`);
  }
  return 0;
}

/**
 * Applies the dead letters again and forgets those that succeed.
 *
 * @returns the exit code: 1 if any is left
 */
export async function replayDeadLetters(table: Table, streamArn: string, print: Print): Promise<number> {
  const checkpoints = checkpointTable(table);
  let left = 0;
  const letters = await listDeadLetters(checkpoints, streamArn);
  for (const letter of letters) {
    const [failure] = await applyRecords(table, [letter.record]);
    if (!failure) {
      await forgetDeadLetter(checkpoints, streamArn, letter.sequenceNumber);
      continue;
    }
    left += 1;
    const again = { ...letter, reason: failure.reason, attempts: letter.attempts + 1 };
    await keepDeadLetter(checkpoints, streamArn, again);
    print(describe(again));
  }
  print(`${letters.length - left} dead letters replayed, ${left} left.`);
  return left === 0 ? 0 : 1;
}

function describe({ sequenceNumber, setAsideAt, attempts, reason }: DeadLetter): string {
  return `${sequenceNumber} set aside ${setAsideAt} after ${attempts} attempts: ${reason}`;
}
