import { Command } from 'commander';
import { connect } from './db/connect.ts';
import { create } from './db/create.ts';
import { drop as dropDatabase } from './db/drop.ts';
import { schemaLoad as loadDatabaseSchema } from './db/schema-load.ts';
import { seed as seedDatabase } from './db/seed.ts';
import { sessions } from './db/sessions.ts';
import { setup } from './db/setup.ts';
import { drop as dropTable } from './ddb/drop.ts';
import { getConversation } from './ddb/get-conversation.ts';
import { listConversations } from './ddb/list-conversations.ts';
import { listTables } from './ddb/list-tables.ts';
import { scan } from './ddb/scan.ts';
import { schemaLoad as loadTableSchema } from './ddb/schema-load.ts';
import { seed as seedTable } from './ddb/seed.ts';
import { list as listDeadLetters } from './dead-letters/list.ts';
import { replay } from './dead-letters/replay.ts';
import type { Operator } from './operator.ts';
import { rebuild } from './summaries/rebuild.ts';
import { verify } from './summaries/verify.ts';
import { type LocalToken, token } from './token.ts';
import { add } from './users/add.ts';
import { list as listUsers } from './users/list.ts';
import { syncCognito } from './users/sync-cognito.ts';

const DESCRIPTION = [
  'Operate cruddur-messages.',
  'Commands work on the local stack, as long as none of AWS_REGION, DYNAMODB_ENDPOINT and DATABASE_URL is set; otherwise on the engines that these name. What destroys refuses a target that is not on this machine, unless its name is typed out. The exit code is 0, or 1 for a command that failed or found something wrong.',
].join('\n\n');

/** The operators' command line: an area for each engine and each thing to look after, and the commands of each. */
export function createProgram(operator: Operator, localToken: LocalToken): Command {
  const program = new Command('cli').description(DESCRIPTION);
  const addArea = (name: string, description: string, commands: readonly Command[]) => {
    const area = new Command(name).description(description);
    for (const command of commands) area.addCommand(command);
    program.addCommand(area);
  };
  addArea('ddb', 'the table of messages', [
    listTables(operator),
    loadTableSchema(operator),
    seedTable(operator),
    scan(operator),
    dropTable(operator),
    listConversations(operator),
    getConversation(operator),
  ]);
  addArea('db', 'the database of people', [
    create(operator),
    dropDatabase(operator),
    loadDatabaseSchema(operator),
    seedDatabase(operator),
    setup(operator),
    sessions(operator),
    connect(operator),
  ]);
  addArea('users', 'the people of the directory', [listUsers(operator), add(operator), syncCognito(operator)]);
  addArea('summaries', "the members' summaries, against the groups' logs", [verify(operator), rebuild(operator)]);
  addArea('dead-letters', 'records of the stream that could not be applied', [
    listDeadLetters(operator),
    replay(operator),
  ]);
  program.addCommand(token(operator, localToken));
  return withShownHelp(program);
}

/** A wrong use shows how the command is used. */
function withShownHelp(command: Command): Command {
  command.showHelpAfterError();
  for (const each of command.commands) withShownHelp(each);
  return command;
}
