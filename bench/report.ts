import { readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import type { Measured } from './measure.ts';

const COLUMNS: readonly [string, (measured: Measured) => string][] = [
  ['operation', ({ name }) => name],
  ['requests/s', ({ perSecond }) => perSecond.toFixed(0)],
  ['p50 ms', ({ p50Ms }) => p50Ms.toFixed(1)],
  ['p95 ms', ({ p95Ms }) => p95Ms.toFixed(1)],
  ['p99 ms', ({ p99Ms }) => p99Ms.toFixed(1)],
  ['CPU ms', ({ cpuMs }) => cpuMs.toFixed(2)],
  ['engine calls', ({ engineCalls }) => figure(engineCalls)],
  ['capacity units', ({ capacityUnits }) => figure(capacityUnits)],
  ['stock server: CPU ms', ({ stock }) => stock.cpuMs.toFixed(2)],
  ['CPU ratio', ({ stock }) => stock.cpuRatio.toFixed(2)],
  ['throughput ratio', ({ stock }) => `${stock.throughputRatio.toFixed(2)} (${range(stock.range)})`],
  ['SDK: CPU ms', ({ sdk }) => sdk.cpuMs.toFixed(2)],
  ['CPU ratio', ({ sdk }) => sdk.cpuRatio.toFixed(2)],
  ['throughput ratio', ({ sdk }) => `${sdk.throughputRatio.toFixed(2)} (${range(sdk.range)})`],
  ['HTTP: CPU ms', ({ http }) => http.cpuMs.toFixed(2)],
  ['CPU ratio', ({ http }) => http.cpuRatio.toFixed(2)],
  ['throughput ratio', ({ http }) => `${http.throughputRatio.toFixed(2)} (${range(http.range)})`],
];

/** The table, in Markdown. */
export function tableOf(measured: readonly Measured[]): string {
  const rows = [
    COLUMNS.map(([title]) => title),
    COLUMNS.map((_, index) => (index === 0 ? '---' : '--:')),
    ...measured.map((each) => COLUMNS.map(([, cell]) => cell(each))),
  ];
  return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const README = new URL('../README.md', import.meta.url);
const PLACE = /(<!-- bench -->\n).*?(<!-- end of bench -->)/s;

/** Puts the table in its place in the README. */
export async function intoReadme(date: string, measured: readonly Measured[]): Promise<void> {
  const readme = await readFile(README, 'utf8');
  if (!PLACE.test(readme)) throw new Error('The README has no place for the table');
  const text = `${date}, ${machine()}:\n\n${tableOf(measured)}\n\n`;
  await writeFile(
    README,
    readme.replace(PLACE, (_, before, after) => before + text + after),
  );
}

/** What it was measured on. */
export function machine(): string {
  return `${cpus().length} cores, Node ${process.versions.node}`;
}

function figure(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function range([lowest, highest]: readonly [number, number]): string {
  return `${lowest.toFixed(2)} to ${highest.toFixed(2)}`;
}
