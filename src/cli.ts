import { Command } from 'commander';
import { readLocalConfig } from './config.ts';

/** The operators' commands. */

const program = new Command('cli').description('Operate cruddur-messages.').showHelpAfterError();

program
  .command('token')
  .description('print an access token of a local person')
  .argument('<handle>', 'the handle, such as bayko')
  .action(async (handle: string) => {
    // The local issuer's packages are not installed in production.
    const { localToken } = await import('./local/token.ts');
    process.stdout.write(`${await localToken(readLocalConfig(process.env), handle)}\n`);
  });

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
