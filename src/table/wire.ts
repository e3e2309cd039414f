import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/**
 * Items in the form in which they are sent: each value under the letter of its type; see "Data type descriptors" in the DynamoDB
 * developer guide. The SDK's `marshall` does the same for all types, and takes seven times as long and more for those that the table has.
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
