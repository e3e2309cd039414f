import { Command } from 'commander';
import { type Operator, YES } from '../operator.ts';
import { createTarget } from './create.ts';
import { dropTarget } from './drop.ts';
import { loadTargetSchema } from './schema-load.ts';
import { seedTarget } from './seed.ts';

export function setup(operator: Operator): Command {
  return new Command('setup')
    .description('start anew: drop, create, schema-load and seed in turn')
    .option(...YES)
    .action(async ({ yes }: { yes?: string }) => {
      await dropTarget(operator, yes);
      await createTarget(operator);
      await loadTargetSchema(operator);
      await seedTarget(operator, yes);
    });
}
