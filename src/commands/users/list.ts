import { Command } from 'commander';
import { listPeople } from '../../users/people.ts';
import { type Operator, wholeNumber, withDirectory } from '../operator.ts';

interface Options {
  readonly limit: number;
  readonly after?: string;
  readonly json?: true;
}

export function list(operator: Operator): Command {
  const { terminal } = operator;
  return new Command('list')
    .description('print the people of the directory, by handle')
    .option('--limit <count>', 'at most so many', wholeNumber(1, 10_000), 100)
    .option('--after <handle>', 'only those whose handles come after this one')
    .option('--json', 'as JSON')
    .action(({ limit, after, json }: Options) =>
      withDirectory(operator, async (pool) => {
        const people = await listPeople(pool, { limit, after });
        if (json) return terminal.json(people);
        terminal.table(
          ['ID', 'HANDLE', 'DISPLAY NAME', 'EMAIL', 'SUBJECT'],
          people.map(({ id, handle, displayName, email, subject }) => [id, handle, displayName, email, subject ?? '']),
        );
        const last = people.at(-1);
        if (last && people.length === limit) terminal.remark(`There may be more: --after ${last.handle}`);
      }),
    );
}
