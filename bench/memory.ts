import { loadServer } from './load.ts';
import { median } from './measure.ts';
import { oneOf, operations } from './operations.ts';
import { seed } from './seed.ts';
import { type System, startSystem } from './system.ts';

/**
 * What `npm run bench:memory` runs: 100,000 requests of all kinds, and the memory of the API's process after each part of them. Fails when
 * it takes more than it may, or goes on growing. The worker's memory is told by `npm run bench:catch-up`.
 */

const PARTS = 20;
const REQUESTS_A_PART = 5_000;
const MOST_MB = 200;
/** How much more the last quarter may have than the one before it. */
const GROWTH = 1.05;

const MB = 1024 * 1024;
const undo: (() => unknown)[] = [];
const problems: string[] = [];
try {
  const system = await startSystem({ peopleCount: 1_000, profile: false }, undo);
  await watchApi(system);
} finally {
  for (const step of undo.reverse()) await step();
}
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;

async function watchApi(system: System): Promise<void> {
  const seeded = await seed(system.table, system.people, { groups: 3_000, lengths: [], inboxes: [] });
  const kinds = operations(seeded, system.people);
  const resident: number[] = [];
  for (let part = 1; part <= PARTS; part += 1) {
    await loadServer(
      system,
      Array.from({ length: REQUESTS_A_PART }, () => oneOf(kinds).sample()),
    );
    resident.push((await system.counters()).residentBytes / MB);
    print(`API: ${part * REQUESTS_A_PART} requests, ${resident.at(-1)?.toFixed(0)} MB resident`);
  }
  const [third, last] = [resident.slice(PARTS / 2, (PARTS * 3) / 4), resident.slice((PARTS * 3) / 4)];
  if (Math.max(...last) > MOST_MB) problems.push(`The API takes more than ${MOST_MB} MB.`);
  if (median(last) > median(third) * GROWTH) problems.push('The API goes on growing.');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
