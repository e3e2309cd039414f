import { Command } from 'commander';
import { addPerson } from '../../users/people.ts';
import { type Operator, withDirectory } from '../operator.ts';

interface Options {
  readonly name: string;
  readonly email: string;
  readonly subject?: string;
  readonly json?: true;
}

export function add(operator: Operator): Command {
  const { terminal } = operator;
  return new Command('add')
    .description('add a person to the directory')
    .argument('<handle>', '1 to 30 letters, digits and underscores; unique without regard to case')
    .requiredOption('--name <display name>', 'what others see, at most 100 characters')
    .requiredOption('--email <address>', 'at most 254 characters')
    .option('--subject <sub>', "the subject of the person's tokens; users sync-cognito fills it in otherwise")
    .option('--json', 'as JSON')
    .action((handle: string, { name, email, subject, json }: Options) =>
      withDirectory(operator, async (pool) => {
        const person = await addPerson(pool, { handle, displayName: name, email, subject: subject ?? null });
        if (json) return terminal.json(person);
        terminal.print(`${person.handle} added: ${person.id}`);
      }),
    );
}
