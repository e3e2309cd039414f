import { Command } from 'commander';
import { readLocalConfig } from '../config/local.ts';
import type { Operator } from './operator.ts';

/** @param localToken loaded when it is called: the local issuer's packages are not installed in production */
export type LocalToken = (config: ReturnType<typeof readLocalConfig>, handle: string) => Promise<string>;

export function token({ environment, terminal }: Operator, localToken: LocalToken): Command {
  return new Command('token')
    .description('print an access token of a person of the local stack')
    .argument('<handle>', 'the handle, such as bayko')
    .action(async (handle: string) => {
      terminal.print(await localToken(readLocalConfig(environment), handle));
    });
}
