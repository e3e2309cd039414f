import { stripVTControlCharacters } from 'node:util';
import { SingleBar } from 'cli-progress';
import colours from 'picocolors';
import { getBorderCharacters, table } from 'table';

/** How far something is that takes long. */
export interface Progress {
  /** So much more is done. */
  advance(steps?: number): void;
  /** Takes the bar away. */
  end(): void;
}

/** Where a command writes. Lines, colours and bars are for people: a pipe gets aligned text, or JSON where it is asked for. */
export interface Terminal {
  /** A line of the result. */
  print(text: string): void;
  /** A line about the result, kept apart from it: on standard error. */
  remark(text: string): void;
  /** A value as JSON. */
  json(value: unknown): void;
  /** Rows as a table. Their texts may be anyone's: control characters are taken out. */
  table(columns: readonly string[], rows: readonly (readonly string[])[]): void;
  /** A bar that counts up to a total, or just counts where the total is not known. */
  progress(label: string, total?: number): Progress;
}

/** The terminal that the process was started from, or what takes its place. */
export function openTerminal(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): Terminal {
  return {
    print: (text) => stdout.write(`${text}\n`),
    remark: (text) => stderr.write(`${stderr.isTTY ? colours.dim(text) : text}\n`),
    json: (value) => stdout.write(`${JSON.stringify(value, undefined, 2)}\n`),
    table: (columns, rows) => stdout.write(stdout.isTTY ? ruledTable(columns, rows) : alignedTable(columns, rows)),
    progress: (label, total) => (stderr.isTTY ? bar(stderr, label, total) : { advance: () => {}, end: () => {} }),
  };
}

function ruledTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  return table([columns.map((column) => colours.bold(column)), ...rows.map((row) => row.map(harmless))], {
    border: getBorderCharacters('norc'),
    drawHorizontalLine: (line, count) => line <= 1 || line === count,
  });
}

/** Two spaces between columns, and nothing after the last. */
function alignedTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const text = table([columns, ...rows.map((row) => row.map(harmless))], {
    border: getBorderCharacters('void'),
    columnDefault: { paddingLeft: 0, paddingRight: 2 },
    drawHorizontalLine: () => false,
  });
  return text.replace(/ +$/gm, '');
}

/** Escape sequences, and characters that turn the direction of text, could make a terminal show what is not there. */
export function harmless(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, '');
}

function bar(stderr: NodeJS.WriteStream, label: string, total: number | undefined): Progress {
  const format = total === undefined ? `${label} {value}` : `${label} {bar} {value}/{total}`;
  const progress = new SingleBar({ format, stream: stderr, clearOnComplete: true, hideCursor: true });
  progress.start(total ?? Number.MAX_SAFE_INTEGER, 0);
  return { advance: (steps = 1) => progress.increment(steps), end: () => progress.stop() };
}
