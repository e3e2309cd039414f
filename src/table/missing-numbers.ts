/** Consecutive numbers, both ends included. */
export interface Numbers {
  readonly first: number;
  readonly last: number;
}

/**
 * Finds the numbers that are missing between numbers of one direction.
 *
 * @param from the number, exclusive, at which the direction begins; without it, nothing is missing before the first number
 * @param to the number, exclusive, at which the direction ends; without it, nothing is missing after the last number
 */
export function missingNumbers(
  numbers: readonly number[],
  { from, to }: { readonly from?: number; readonly to?: number },
): Numbers[] {
  const all = [...(from === undefined ? [] : [from]), ...numbers, ...(to === undefined ? [] : [to])];
  return all.slice(1).flatMap((number, index) => {
    const [low, high] = [number, all[index] ?? number].sort((a, b) => a - b) as [number, number];
    return high - low > 1 ? [{ first: low + 1, last: high - 1 }] : [];
  });
}
