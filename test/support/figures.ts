/** Prints what a test measured, whether or not it is content with it: one line, with what it is of. */
export function tellFigures(of: string, figures: Readonly<Record<string, number | string>>): void {
  const told = Object.entries(figures).map(
    ([name, value]) => `${name} ${typeof value === 'number' ? round(value) : value}`,
  );
  process.stdout.write(`${of}: ${told.join(', ')}\n`);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Returns the middle one of some numbers, or 0 of none. */
export function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? 0;
}
