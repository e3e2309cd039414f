import { loadServer } from './load.ts';
import { median } from './measure.ts';
import { inbox, page, poll, type Sample, send } from './operations.ts';
import type { Seed } from './seed.ts';
import type { System } from './system.ts';

/** How an operation fares as what it works on grows. */
export interface Growth {
  readonly name: string;
  readonly points: readonly GrowthPoint[];
}

export interface GrowthPoint {
  /** Messages of the group, or groups of the inbox. */
  readonly size: number;
  /** Half of the requests took no longer. */
  readonly p50Ms: number;
  readonly capacityUnits: number;
}

/** One after the other: what waits for others says nothing of the size. */
const AT_ONCE = 1;

const ROUNDS = 5;
const REQUESTS = 200;

/** Measures all sizes in turn, round after round, so that what the machine does besides meets all alike. */
export async function measureGrowth(
  system: System,
  { grown, inboxes }: Seed,
  onProgress: (text: string) => void,
): Promise<Growth[]> {
  const perGroup: [string, (group: (typeof grown)[number]) => Sample][] = [
    ['idle poll', (group) => poll(group, 0)],
    ['first page of 20', (group) => page(group)],
    ['page from the middle', (group) => page(group, Math.floor(group.length / 2))],
    // Last: what is sent makes polls of the groups find something.
    ['send', (group) => send(group)],
  ];
  const all: Growth[] = [];
  for (const [name, sample] of perGroup) {
    onProgress(`growth: ${name}`);
    const sizes = grown.map((group) => ({ size: group.length, sample: () => sample(group) }));
    all.push({ name, points: await measureSizes(system, sizes) });
  }
  onProgress('growth: inbox page of 20');
  const sizes = inboxes.map(({ person, groups }) => ({ size: groups, sample: () => inbox(person) }));
  all.push({ name: 'inbox page of 20', points: await measureSizes(system, sizes) });
  return all;
}

interface Size {
  readonly size: number;
  readonly sample: () => Sample;
}

async function measureSizes(system: System, sizes: readonly Size[]): Promise<GrowthPoint[]> {
  const latencies = sizes.map((): number[] => []);
  const capacity = sizes.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, { sample }] of sizes.entries()) {
      const load = await loadServer(system, Array.from({ length: REQUESTS }, sample), AT_ONCE);
      latencies[index]?.push(median(load.latenciesMs));
      capacity[index]?.push(load.capacityUnits);
    }
  }
  return sizes.map(({ size }, index) => ({
    size,
    p50Ms: median(latencies[index] ?? []),
    capacityUnits: median(capacity[index] ?? []),
  }));
}
