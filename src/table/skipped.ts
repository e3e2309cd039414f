import { LRUCache } from 'lru-cache';
import type { WireItem } from '../dynamodb/attribute-values.ts';
import { MalformedItemError } from './items.ts';
import { groupPartition, messageSortKey } from './keys.ts';
import type { Numbers } from './missing-numbers.ts';
import type { Skipped, Table } from './table.ts';

/** Skips that are known to a process, and were reported by it: 20,000 take some 4 MB. One that was left out is reported once more. */
const known = new LRUCache<string, true>({ max: 20_000 });

/** Reports what is skipped to the table's observer, once in each process, so that a client that polls does not fill the log. */
function reportSkipped(table: Table, skipped: Skipped): void {
  const key = keyOf(table, skipped.pk, skipped.sk);
  if (known.has(key)) return;
  known.set(key, true);
  table.onSkipped?.(skipped);
}

/** A gap in a group's log, as a reader in one direction meets it. A cursor within the gap may cut it off at its beginning. */
export interface Gap extends Numbers {
  readonly messageGroupId: string;
  /** The end that no cursor cuts off. */
  readonly end: 'first' | 'last';
}

/** The widest gap that was found at each end, which is missing for good. */
const gaps = new LRUCache<string, Numbers>({ max: 20_000 });

/** Tells whether this process found before that the numbers are missing for good. */
export function isKnownGap(table: Table, gap: Gap): boolean {
  return [gapKey(table, gap, 'first'), gapKey(table, gap, 'last')].some((key) => {
    const found = gaps.get(key);
    return found !== undefined && found.first <= gap.first && gap.last <= found.last;
  });
}

/** Reports numbers that are missing for good as `reportSkipped` does. A gap is reported once for each end, wherever cursors cut it off. */
export function reportGap(table: Table, gap: Gap): void {
  if (isKnownGap(table, gap)) return;
  const isReported = gaps.has(gapKey(table, gap, gap.end));
  for (const end of ['first', 'last'] as const) gaps.set(gapKey(table, gap, end), gap);
  if (isReported) return;
  const { messageGroupId, first, last } = gap;
  const sk = `${messageSortKey(first)} to ${messageSortKey(last)}`;
  table.onSkipped?.({ kind: 'missing number', pk: groupPartition(messageGroupId), sk, reason: '' });
}

function gapKey(table: Table, gap: Gap, end: Gap['end']): string {
  return `${table.name} ${gap.messageGroupId} ${end} ${gap[end]}`;
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
