import { Command } from 'commander';
import { loadSchema } from '../../users/schema.ts';
import { type Operator, withDirectory } from '../operator.ts';

export function schemaLoad(operator: Operator): Command {
  return new Command('schema-load')
    .description('create the table of people and its indexes, unless they are there')
    .action(() => loadTargetSchema(operator));
}

export async function loadTargetSchema(operator: Operator): Promise<void> {
  await withDirectory(operator, loadSchema);
  operator.terminal.print('users: is there');
}
