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

/** An attribute is not what it has to be. */
export class MalformedAttributeError extends Error {
  override readonly name = 'MalformedAttributeError';
}

/*
 * What an attribute has to be, and its value. A schema that says the same takes three times as long for a page of messages, and it needs
 * the whole item as plain values first.
 */

export function readText(item: WireItem, name: string): string {
  return item[name]?.S ?? malformed(name, 'a text');
}

export function readUuid(item: WireItem, name: string): string {
  return matching(UUID, item[name]) ?? malformed(name, 'a UUID');
}

/** RFC 3339 in UTC with milliseconds. */
export function readInstant(item: WireItem, name: string): string {
  return matching(INSTANT, item[name]) ?? malformed(name, 'an instant');
}

/** A whole number, 0 or more. */
export function readCount(item: WireItem, name: string): number {
  const count = Number(item[name]?.N);
  return Number.isSafeInteger(count) && count >= 0 ? count : malformed(name, 'a count');
}

/** A whole number, 1 or more. */
export function readPositive(item: WireItem, name: string): number {
  return readCount(item, name) || malformed(name, 'above 0');
}

export function readUuids(item: WireItem, name: string): string[] {
  const values = item[name]?.L ?? malformed(name, 'a list');
  return values.map((value) => matching(UUID, value) ?? malformed(name, 'of UUIDs'));
}

/** What is read of an attribute that is an item itself. */
export function readItem<Held>(item: WireItem, name: string, read: (inner: WireItem) => Held): Held {
  return read(item[name]?.M ?? malformed(name, 'an item'));
}

function matching(form: RegExp, value: AttributeValue | undefined): string | undefined {
  const text = value?.S;
  return text !== undefined && form.test(text) ? text : undefined;
}

function malformed(name: string, wanted: string): never {
  throw new MalformedAttributeError(`${name} is not ${wanted}`);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const INSTANT = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
