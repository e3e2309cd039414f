import { Command } from 'commander';
import { kindOf, unreadCount } from '../../model.ts';
import type { Summary } from '../../table/items.ts';
import { getProfiles } from '../../table/profiles.ts';
import { listSummaries } from '../../table/summaries.ts';
import { meterReads } from '../capacity.ts';
import { namesOf, peopleOf } from '../conversations.ts';
import { type Operator, wholeNumber, withDirectory, withTable } from '../operator.ts';

interface Options {
  readonly limit: number;
  readonly after?: string;
  readonly json?: true;
}

export function listConversations(operator: Operator): Command {
  const { terminal } = operator;
  return new Command('list-conversations')
    .description(
      "print a person's message groups, latest activity first (pattern B), with the capacity that the read consumed",
    )
    .argument('<handle>', 'whose, such as bayko')
    .option('--limit <count>', 'at most so many', wholeNumber(1, 100), 20)
    .option('--after <activity key>', 'go on from where an earlier list ended, as it told')
    .option('--json', 'as JSON')
    .action((handle: string, { limit, after, json }: Options) =>
      withTable(operator, (table) =>
        withDirectory(operator, async (pool) => {
          const [person] = await peopleOf(pool, [handle]);
          const meter = meterReads(table);
          const { summaries, hasMore } = await listSummaries(meter.table, person?.id ?? '', { after, limit });
          const profiles = await getProfiles(
            meter.table,
            summaries.filter(({ memberIds }) => !memberIds).map(({ messageGroupId }) => messageGroupId),
          );
          const membersOf = ({ memberIds, messageGroupId }: Summary) =>
            memberIds ?? profiles.get(messageGroupId)?.memberIds ?? [];
          const nameOf = await namesOf(pool, summaries.flatMap(membersOf));
          if (json) return terminal.json(summaries);
          terminal.table(
            ['MESSAGE GROUP', 'KIND', 'WITH', 'UNREAD', 'LAST ACTIVITY', 'LAST MESSAGE'],
            summaries.map((summary) => [
              summary.messageGroupId,
              kindOf(summary.memberIds),
              membersOf(summary)
                .filter((id) => id !== person?.id)
                .map(nameOf)
                .join(', '),
              String(unreadCount(summary.lastSequence, summary.readSequence)),
              summary.lastMessage.createdAt,
              `${nameOf(summary.lastMessage.senderId)}: ${shortened(summary.lastMessage.body)}`,
            ]),
          );
          terminal.print(meter.summary());
          const last = summaries.at(-1);
          if (last && hasMore) terminal.remark(`There is more: --after ${last.activityKey}`);
        }),
      ),
    );
}

/** So that a line of the table stays one. */
function shortened(body: string): string {
  const [...characters] = body;
  return characters.length > 40 ? `${characters.slice(0, 39).join('')}…` : body;
}
