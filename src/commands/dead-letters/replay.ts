import { Command } from 'commander';
import { type DeadLetter, deleteDeadLetter, listDeadLetters } from '../../stream/dead-letters.ts';
import { auditGroup } from '../../summaries/audit.ts';
import { repairMembers } from '../../summaries/rebuild.ts';
import { groupOfKey } from '../../table/describe-item.ts';
import { getProfiles } from '../../table/profiles.ts';
import type { Table } from '../../table/table.ts';
import { type Operator, withTable } from '../operator.ts';
import { streamOf } from './stream.ts';

export function replay(operator: Operator): Command {
  const { terminal } = operator;
  return new Command('replay')
    .description(
      'write the summaries of the dead letters’ groups from their logs, and delete the letters whose items can be read now; exit code 1 if any is left',
    )
    .option('--json', 'those that are left, as JSON')
    .action(({ json }: { json?: true }) =>
      withTable(operator, async (table) => {
        const { checkpoints, streamArn } = await streamOf(table);
        const letters = await listDeadLetters(checkpoints, streamArn);
        const progress = terminal.progress('Dead letters', letters.length);
        const left: DeadLetter[] = [];
        for (const letter of letters) {
          const reason = await replayOne(table, letter);
          if (reason === undefined) await deleteDeadLetter(checkpoints, streamArn, letter.sequenceNumber);
          else left.push({ ...letter, reason });
          progress.advance();
        }
        progress.end();
        if (left.length > 0) operator.foundWrong();
        if (json) return terminal.json(left);
        for (const { sequenceNumber, reason } of left) terminal.print(`${sequenceNumber} is left: ${reason}`);
        terminal.print(`${letters.length - left.length} dead letters replayed, ${left.length} left.`);
      }),
    );
}

/** Writes the summaries of a dead letter's group. @returns the reason for which the letter is left; undefined if it is done */
async function replayOne(table: Table, { itemKey, reason }: DeadLetter): Promise<string | undefined> {
  const messageGroupId = groupOfKey(itemKey);
  if (messageGroupId === undefined) return reason;
  const profile = (await getProfiles(table, [messageGroupId], { consistent: true })).get(messageGroupId);
  if (!profile) return `Group ${messageGroupId} has no profile that can be read`;
  const { findings } = await auditGroup(table, profile, []);
  const key = `${itemKey.pk} ${itemKey.sk}`;
  const unreadable = findings.find((finding) => finding.kind === 'unreadable item' && finding.key === key);
  if (unreadable && 'reason' in unreadable) return `The item ${key} is ${unreadable.reason}`;
  return (await repairMembers(table, profile, profile.memberIds)) ? undefined : 'The summaries cannot be written';
}
