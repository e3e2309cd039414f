import type { Measured } from './measure.ts';

const COLUMNS: readonly [string, (measured: Measured) => string][] = [
  ['operation', ({ name }) => name],
  ['requests/s', ({ perSecond }) => perSecond.toFixed(0)],
  ['p50 ms', ({ p50Ms }) => p50Ms.toFixed(1)],
  ['p95 ms', ({ p95Ms }) => p95Ms.toFixed(1)],
  ['p99 ms', ({ p99Ms }) => p99Ms.toFixed(1)],
  ['CPU ms', ({ cpuMs }) => cpuMs.toFixed(3)],
  ['engine calls', ({ engineCalls }) => figure(engineCalls)],
  ['capacity units', ({ capacityUnits }) => figure(capacityUnits)],
  ['SDK: CPU ms', ({ sdk }) => sdk.cpuMs.toFixed(3)],
  ['SDK: CPU ratio', ({ sdk }) => sdk.cpuRatio.toFixed(2)],
  [
    'SDK: throughput ratio',
    ({ sdk }) => `${sdk.throughputRatio.toFixed(2)} (${sdk.range.map((each) => each.toFixed(2)).join(' to ')})`,
  ],
  ['HTTP: CPU ratio', ({ http }) => http.cpuRatio.toFixed(2)],
  ['HTTP: throughput ratio', ({ http }) => http.throughputRatio.toFixed(2)],
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

function figure(value: number): string {
  return String(Math.round(value * 100) / 100);
}
