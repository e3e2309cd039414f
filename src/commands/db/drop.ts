import { Command } from 'commander';
import { readDirectoryTarget } from '../../config/operator.ts';
import { databaseName, dropDatabase } from '../../users/database.ts';
import { confirmTarget, type Operator, YES } from '../operator.ts';

export function drop(operator: Operator): Command {
  return new Command('drop')
    .description('drop the database with all people, unless somebody is connected to it')
    .option(...YES)
    .action(({ yes }: { yes?: string }) => dropTarget(operator, yes));
}

export async function dropTarget({ environment, terminal }: Operator, typed: string | undefined): Promise<void> {
  const { url, isLocal } = readDirectoryTarget(environment);
  const name = databaseName(url);
  confirmTarget('database', name, isLocal, typed);
  terminal.print(`${name}: ${(await dropDatabase(url)) ? 'dropped' : 'is not there'}`);
}
