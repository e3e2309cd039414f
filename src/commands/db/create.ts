import { Command } from 'commander';
import { readDirectoryTarget } from '../../config/operator.ts';
import { createDatabase, databaseName } from '../../users/database.ts';
import type { Operator } from '../operator.ts';

export function create(operator: Operator): Command {
  return new Command('create')
    .description('create the database of people, unless it is there')
    .action(() => createTarget(operator));
}

export async function createTarget({ environment, terminal }: Operator): Promise<void> {
  const { url } = readDirectoryTarget(environment);
  terminal.print(`${databaseName(url)}: ${(await createDatabase(url)) ? 'created' : 'is there'}`);
}
