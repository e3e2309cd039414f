import { Command } from 'commander';
import { validate as isUuid } from 'uuid';
import { messageGroupIdOf } from '../../messaging/destination.ts';
import { readNewest, readOlder } from '../../table/log.ts';
import { meterReads } from '../capacity.ts';
import { namesOf, peopleOf } from '../conversations.ts';
import { CommandError, type Operator, wholeNumber, withDirectory, withTable } from '../operator.ts';

interface Options {
  readonly limit: number;
  readonly before?: number;
  readonly json?: true;
}

export function getConversation(operator: Operator): Command {
  const { terminal } = operator;
  return new Command('get-conversation')
    .description("print a group's messages, newest first (pattern A), with the capacity that the read consumed")
    .argument('<group...>', 'its id, or the handles of all its members')
    .option('--limit <count>', 'at most so many', wholeNumber(1, 100), 20)
    .option('--before <sequence>', 'only messages with a smaller number', wholeNumber(2, 999_999_999))
    .option('--json', 'as JSON')
    .action((group: string[], { limit, before, json }: Options) =>
      withTable(operator, (table) =>
        withDirectory(operator, async (pool) => {
          const [first = ''] = group;
          const named = group.length === 1 && isUuid(first);
          const id = named ? first : messageGroupIdOf((await peopleOf(pool, group)).map(({ id }) => id));
          const meter = meterReads(table);
          const { profile, messages } =
            before === undefined
              ? await readNewest(meter.table, id, limit)
              : await readOlder(meter.table, id, before, limit);
          if (!profile) throw new CommandError(`There is no message group ${id}.`);
          const newestFirst = messages.toReversed();
          if (json) return terminal.json({ ...profile, messages: newestFirst });
          const nameOf = await namesOf(pool, [...profile.memberIds, ...messages.map(({ senderId }) => senderId)]);
          terminal.print(
            `${profile.kind} ${id} since ${profile.createdAt}: ${profile.memberIds.map(nameOf).join(', ')}`,
          );
          terminal.table(
            ['SEQUENCE', 'CREATED', 'SENDER', 'BODY'],
            newestFirst.map(({ sequence, createdAt, senderId, body }) => [
              String(sequence),
              createdAt,
              nameOf(senderId),
              body,
            ]),
          );
          terminal.print(meter.summary());
          const oldest = messages[0]?.sequence ?? 1;
          if (oldest > 1) terminal.remark(`There is more: --before ${oldest}`);
        }),
      ),
    );
}
