import { type Floors, type Load, loadServer, type Server, type ServerLoad } from './load.ts';
import type { Operation } from './operations.ts';
import type { System } from './system.ts';

/** What was measured of an operation: medians over the rounds. */
export interface Measured {
  readonly name: string;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Of the API's process. */
  readonly cpuMs: number;
  readonly engineCalls: number;
  readonly capacityUnits: number;
  readonly stock: Compared;
  readonly sdk: Compared;
  readonly http: Compared;
}

/** How the API compares with the stock server or a floor: a ratio above 1 is in the API's favour. */
export interface Compared {
  readonly perSecond: number;
  readonly cpuMs: number;
  /** The API's requests a second, divided by the other's. */
  readonly throughputRatio: number;
  /** The other's processor time, divided by the API's. */
  readonly cpuRatio: number;
  /** The lowest and the highest throughput ratio of all rounds. */
  readonly range: readonly [number, number];
}

interface Round {
  readonly api: ServerLoad;
  readonly stock: ServerLoad;
  readonly sdk: Load;
  readonly http: Load;
}

export interface Rounds {
  readonly rounds: number;
  /** Requests a round; a quarter of them for what writes. */
  readonly requests: number;
}

/** The API, and what it is compared with. */
export interface Measurable {
  readonly system: System;
  readonly stock: Server;
  readonly floors: Floors;
}

/** Runs the operations in turn, round after round: the API, the stock server and both floors next to each other. The first round only warms up. */
export async function measure(
  { system, stock, floors }: Measurable,
  operations: readonly Operation[],
  { rounds, requests }: Rounds,
  onProgress: (text: string) => void,
): Promise<Measured[]> {
  const all = new Map<string, Round[]>(operations.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    onProgress(round === 0 ? 'warming up' : `round ${round} of ${rounds}`);
    for (const { name, writes, sample } of operations) {
      const count = writes ? requests / 4 : requests;
      const samples = () => Array.from({ length: count }, sample);
      const result: Round = {
        api: await loadServer(system, samples()),
        stock: await loadServer(stock, samples()),
        sdk: await floors.run('sdk', samples()),
        http: await floors.run('http', samples()),
      };
      if (round > 0) all.get(name)?.push(result);
    }
  }
  return [...all].map(([name, results]) => summarize(name, results));
}

function summarize(name: string, rounds: readonly Round[]): Measured {
  const latencies = rounds.flatMap(({ api }) => api.latenciesMs).sort((a, b) => a - b);
  const percentile = (share: number) => latencies[Math.floor((latencies.length - 1) * share)] ?? 0;
  const of = (pick: (round: Round) => number) => median(rounds.map(pick));
  return {
    name,
    perSecond: of(({ api }) => api.perSecond),
    p50Ms: percentile(0.5),
    p95Ms: percentile(0.95),
    p99Ms: percentile(0.99),
    cpuMs: of(({ api }) => api.cpuMs),
    engineCalls: of(({ api }) => api.engineCalls),
    capacityUnits: of(({ api }) => api.capacityUnits),
    stock: compare(rounds, 'stock'),
    sdk: compare(rounds, 'sdk'),
    http: compare(rounds, 'http'),
  };
}

function compare(rounds: readonly Round[], floor: 'stock' | 'sdk' | 'http'): Compared {
  const ratios = rounds.map((round) => round.api.perSecond / round[floor].perSecond);
  return {
    perSecond: median(rounds.map((round) => round[floor].perSecond)),
    cpuMs: median(rounds.map((round) => round[floor].cpuMs)),
    throughputRatio: median(ratios),
    cpuRatio: median(rounds.map((round) => round[floor].cpuMs / round.api.cpuMs)),
    range: [Math.min(...ratios), Math.max(...ratios)],
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle) - 1] ?? 0)) / 2;
}
