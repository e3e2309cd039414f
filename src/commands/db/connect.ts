import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Command } from 'commander';
import { readDirectoryTarget } from '../../config/operator.ts';
import { CommandError, type Operator } from '../operator.ts';

export function connect(operator: Operator): Command {
  return new Command('connect')
    .description('open psql on the database')
    .argument('[arguments...]', 'for psql, after --')
    .action(async (given: string[]) => {
      const { url } = readDirectoryTarget(operator.environment);
      const { args, password } = psqlArguments(url);
      const psql = spawn('psql', [...args, ...given], {
        stdio: 'inherit',
        env: { ...operator.environment, ...(password && { PGPASSWORD: password }) },
      });
      try {
        const [code] = await once(psql, 'exit');
        if (code !== 0) operator.foundWrong();
      } catch (cause) {
        throw new CommandError(
          `psql can't be run: install PostgreSQL's client, or use another one with ${args.at(-1)}`,
          {
            cause,
          },
        );
      }
    });
}

/** The password is not for a command line, which others on the machine can read. */
function psqlArguments(url: string): { args: string[]; password: string } {
  const address = new URL(url);
  const password = decodeURIComponent(address.password);
  address.password = '';
  return { args: ['--dbname', address.href], password };
}
