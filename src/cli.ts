import { Command } from 'commander';
import { replayDeadLetters, showDeadLetters } from './commands/dead-letters.ts';
import { rebuildAllSummaries, verifySummaries } from './commands/summaries.ts';
import { readLocalConfig, readOperatorConfig } from './config.ts';
import { findStreamArn } from './stream/client.ts';
import { openTable, type Table } from './table/table.ts';

/** The operators' commands. */

// The SDK's word on coming versions of Node is for the processes that are deployed.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

const program = new Command('cli')
  .description(
    'Operate cruddur-messages: the local stack, unless AWS_REGION or DYNAMODB_ENDPOINT is set; then that table.',
  )
  .showHelpAfterError();

program
  .command('token')
  .description('print an access token of a local person')
  .argument('<handle>', 'the handle, such as bayko')
  .action(async (handle: string) => {
    // The local issuer's packages are not installed in production.
    const { localToken } = await import('./local/token.ts');
    print(await localToken(readLocalConfig(process.env), handle));
  });

const summaries = program.command('summaries').description("the members' summaries, against the groups' logs");
summaries
  .command('verify')
  .description('compare every summary with the logs, and print the differences; exit code 1 if there are any')
  .action(() => onTable((table) => verifySummaries(table, print)));
summaries
  .command('rebuild')
  .description('mend every summary that differs; safe while the system runs')
  .action(() => onTable((table) => rebuildAllSummaries(table, print)));

const deadLetters = program.command('dead-letters').description('records of the stream that could not be applied');
deadLetters
  .command('list')
  .description('print them, oldest first')
  .option('--json', 'with the whole records')
  .action(({ json = false }: { json?: boolean }) =>
    onStream((table, streamArn) => showDeadLetters(table, streamArn, json, print)),
  );
deadLetters
  .command('replay')
  .description('apply them again, and forget those that succeed; exit code 1 if any is left')
  .action(() => onStream((table, streamArn) => replayDeadLetters(table, streamArn, print)));

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function onTable(command: (table: Table) => Promise<number>): Promise<void> {
  const table = openTable(readOperatorConfig(process.env));
  try {
    process.exitCode = await command(table);
  } finally {
    table.client.destroy();
  }
}

function onStream(command: (table: Table, streamArn: string) => Promise<number>): Promise<void> {
  return onTable(async (table) => {
    const streamArn = await findStreamArn(table.client, table.name);
    if (!streamArn) throw new Error(`The table ${table.name} has no stream.`);
    return command(table, streamArn);
  });
}
