import { Command } from 'commander';
import { seedPeople } from '../../seed/people.ts';
import { databaseName } from '../../users/database.ts';
import { confirmTarget, type Operator, withDirectory, YES } from '../operator.ts';

export function seed(operator: Operator): Command {
  return new Command('seed')
    .description('add the made-up people to try things out with, unless they are there')
    .option(...YES)
    .action(({ yes }: { yes?: string }) => seedTarget(operator, yes));
}

export async function seedTarget(operator: Operator, typed: string | undefined): Promise<void> {
  await withDirectory(operator, async (pool, { url, isLocal }) => {
    confirmTarget('database', databaseName(url), isLocal, typed);
    operator.terminal.print(`${await seedPeople(pool)} people added.`);
  });
}
