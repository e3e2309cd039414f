import { LRUCache } from 'lru-cache';
import type { WireItem } from '../dynamodb/attribute-values.ts';
import { MalformedItemError } from './items.ts';
import type { Skipped, Table } from './table.ts';

/** Skips that are known to a process, and were reported by it: 20,000 take some 4 MB. One that was left out is reported once more. */
const known = new LRUCache<string, true>({ max: 20_000 });

/** Tells whether this process has reported the skip before. */
export function isKnown(table: Table, { pk, sk }: Pick<Skipped, 'pk' | 'sk'>): boolean {
  return known.has(keyOf(table, pk, sk));
}

/** Reports what is skipped to the table's observer, once in each process, so that a client that polls does not fill the log. */
export function reportSkipped(table: Table, skipped: Skipped): void {
  if (isKnown(table, skipped)) return;
  known.set(keyOf(table, skipped.pk, skipped.sk), true);
  table.onSkipped?.(skipped);
}

/** Parses an item. Returns undefined for an item that cannot be read, and reports it. */
export function readOrSkip<Held>(table: Table, parse: (item: WireItem) => Held, item: WireItem): Held | undefined {
  try {
    return parse(item);
  } catch (error) {
    if (!(error instanceof MalformedItemError)) throw error;
    reportSkipped(table, {
      kind: 'unreadable item',
      pk: item['pk']?.S ?? '',
      sk: item['sk']?.S ?? '',
      reason: error.reason,
    });
    return undefined;
  }
}

function keyOf(table: Table, pk: string, sk: string): string {
  return `${table.name} ${pk} ${sk}`;
}
