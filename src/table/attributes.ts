import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { WireItem } from '../dynamodb/attribute-values.ts';

/**
 * Reads an attribute of an item as what it has to be; each throws MalformedAttributeError where it is not. A schema that says the same takes
 * three times as long for a page of messages, and needs the whole item as plain values first.
 */

/** An attribute is not what it has to be. */
export class MalformedAttributeError extends Error {
  override readonly name = 'MalformedAttributeError';
}

/** A text of any length. */
export function readText(item: WireItem, name: string): string {
  return item[name]?.S ?? malformed(name, 'a text');
}

/** A UUID as it is written to the table, in small letters. */
export function readUuid(item: WireItem, name: string): string {
  return matching(UUID, item[name]) ?? malformed(name, 'a UUID');
}

/** RFC 3339 in UTC with milliseconds. */
export function readInstant(item: WireItem, name: string): string {
  return matching(INSTANT, item[name]) ?? malformed(name, 'an instant');
}

/** A whole number, 0 or more. */
export function readInteger(item: WireItem, name: string): number {
  const number = Number(item[name]?.N);
  return Number.isSafeInteger(number) && number >= 0 ? number : malformed(name, 'a count');
}

/** A whole number from 0 to what a GraphQL `Int` holds, because one above would fail the whole reply. */
export function readCount(item: WireItem, name: string): number {
  const count = readInteger(item, name);
  return count <= MAX_INT ? count : malformed(name, `${MAX_INT} or less`);
}

/** A whole number, 1 or more. */
export function readPositive(item: WireItem, name: string): number {
  return readCount(item, name) || malformed(name, 'above 0');
}

/** A list of UUIDs. */
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

/** The largest `Int` of the GraphQL specification. */
export const MAX_INT = 2 ** 31 - 1;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const INSTANT = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
