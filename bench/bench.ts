import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError } from 'commander';
import { chartOf } from './chart.ts';
import { measureGrowth } from './growth.ts';
import { startFloors, startStock } from './load.ts';
import { measure } from './measure.ts';
import { operations } from './operations.ts';
import { intoReadme, machine, tableOf } from './report.ts';
import { seed } from './seed.ts';
import { startSystem } from './system.ts';

/** What `npm run bench` runs. */

const program = new Command('npm run bench --')
  .description(
    'Measures the API against a stock server, a stock client of the AWS SDK, and HTTP alone, on embedded engines.',
  )
  .option('--rounds <number>', 'how often each operation is measured', positive, 5)
  .option('--requests <number>', 'requests a round', positive, 2_000)
  .option('--only <text>', 'only operations whose name has this in it', '')
  .option('--small', 'little is seeded, and growth is not measured: to see that it works')
  .option('--profile', "write a profile of the API's processor time to bench/profiles/")
  .parse();
const options = program.opts<{
  rounds: number;
  requests: number;
  only: string;
  small?: true;
  profile?: true;
}>();

const SIZES = {
  whole: { groups: 10_000, lengths: [10, 100, 1_000, 10_000, 100_000], inboxes: [10, 100, 1_000, 5_000] },
  small: { groups: 3_000, lengths: [10, 100], inboxes: [10, 100] },
};

const undo: (() => unknown)[] = [];
try {
  await run();
} finally {
  for (const step of undo.reverse()) await step();
}

async function run(): Promise<void> {
  print('starting engines and API');
  const system = await startSystem({ peopleCount: 1_000, profile: options.profile ?? false }, undo);
  print('seeding');
  const seeded = await seed(system.table, system.people, options.small ? SIZES.small : SIZES.whole);
  const stock = await startStock(system, undo);
  const floors = await startFloors(system.dynamodbEndpoint, undo);
  const chosen = operations(seeded, system.people).filter(({ name }) => name.includes(options.only));
  const measured = await measure({ system, stock, floors }, chosen, options, print);
  const memoryMb = Math.round((await system.counters()).residentBytes / 1_048_576);
  print(`\n${tableOf(measured)}\n\nMemory of the API: ${memoryMb} MB resident`);
  if (options.only || options.small) return;
  const growth = await measureGrowth(system, seeded, print);
  const results = { date: new Date().toISOString().slice(0, 10), machine: machine(), measured, growth };
  await writeFile(new URL('./results.json', import.meta.url), `${JSON.stringify(results, undefined, 2)}\n`);
  await writeFile(new URL('./growth.svg', import.meta.url), chartOf(growth));
  await intoReadme(results.date, measured);
}

function positive(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError('Not a whole number from 1 on.');
  return number;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
