import { Command } from 'commander';
import { SEED_MESSAGES, seedMessages } from '../../seed/messages.ts';
import { openDirectory } from '../../users/directory.ts';
import { confirmTarget, type Operator, withDirectory, withTable, YES } from '../operator.ts';

export function seed(operator: Operator): Command {
  const { terminal } = operator;
  return new Command('seed')
    .description('write the made-up conversations of the people of "db seed"; those that are there stay')
    .option(...YES)
    .action(({ yes }: { yes?: string }) =>
      withTable(operator, (table, { isLocal }) =>
        withDirectory(operator, async (pool) => {
          confirmTarget('table', table.name, isLocal, yes);
          const progress = terminal.progress('Messages', SEED_MESSAGES);
          try {
            const { findByHandles, findByIds } = openDirectory(pool);
            await seedMessages(
              { table, findUsersByHandle: findByHandles, findUsersById: findByIds, now: table.now },
              progress.advance,
            );
          } finally {
            progress.end();
          }
          terminal.print(`${SEED_MESSAGES} messages are there.`);
        }),
      ),
    );
}
