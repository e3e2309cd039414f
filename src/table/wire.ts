import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';

/**
 * Items in the form in which they are sent: each value under the letter of its type; see "Data type descriptors" in the DynamoDB
 * developer guide. `marshall` and `unmarshall` of the SDK do the same for all types, and take seven times as long and more for those that
 * the table has.
 */

/** An item, or a part of one, on the wire. */
export type WireItem = Record<string, AttributeValue>;

type Plain = string | number | readonly Plain[] | PlainItem;
interface PlainItem {
  readonly [name: string]: Plain | undefined;
}

/** Values that are undefined are left out. */
export function toWire(item: object): WireItem {
  const wire: WireItem = {};
  for (const [name, value] of Object.entries(item as PlainItem)) {
    if (value !== undefined) wire[name] = wireValue(value);
  }
  return wire;
}

function wireValue(value: Plain): AttributeValue {
  if (typeof value === 'string') return { S: value };
  if (typeof value === 'number') return { N: String(value) };
  return Array.isArray(value) ? { L: value.map(wireValue) } : { M: toWire(value) };
}

export function fromWire(item: WireItem): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  // What was parsed inherits nothing; the pairs of `Object.entries` would take half of the time.
  for (const name in item) plain[name] = plainValue(item[name] as AttributeValue);
  return plain;
}

function plainValue(value: AttributeValue): unknown {
  if (value.S !== undefined) return value.S;
  if (value.N !== undefined) return Number(value.N);
  if (value.M !== undefined) return fromWire(value.M);
  if (value.L !== undefined) return value.L.map(plainValue);
  // Whoever else writes to the table may have other types.
  return unmarshall({ value })['value'];
}
