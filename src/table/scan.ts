import type { ScanInput } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod';
import { toWire, type WireItem } from '../dynamodb/attribute-values.ts';
import { BadUserInputError } from '../errors.ts';
import type { MessageGroupProfile } from '../model.ts';
import { parseProfile } from './items.ts';
import { type Key, messageGroupIdOf, PROFILE_SORT_KEY, USER_PREFIX, userIdOf } from './keys.ts';
import type { Table } from './table.ts';

/** Every group's profile, in no order. Reads the whole table: for operators, not for requests. */
export async function* scanProfiles(table: Table): AsyncGenerator<MessageGroupProfile> {
  const pages = scanAll(table, {
    FilterExpression: 'sk = :profile',
    ExpressionAttributeValues: toWire({ ':profile': PROFILE_SORT_KEY }),
    ConsistentRead: true,
  });
  for await (const items of pages) yield* items.map(parseProfile);
}

/** Whose summary of which group there is, in no order. Reads the whole table. */
export async function* scanSummaryKeys(table: Table): AsyncGenerator<{ userId: string; messageGroupId: string }> {
  const pages = scanAll(table, {
    FilterExpression: 'begins_with(pk, :user)',
    ExpressionAttributeValues: toWire({ ':user': USER_PREFIX }),
    ProjectionExpression: 'pk, sk',
    ConsistentRead: true,
  });
  for await (const items of pages) {
    for (const { pk, sk } of items.map((item) => unmarshall(item)))
      yield { userId: userIdOf(String(pk)), messageGroupId: messageGroupIdOf(String(sk)) };
  }
}

async function* scanAll(table: Table, input: Omit<ScanInput, 'TableName'>): AsyncGenerator<WireItem[]> {
  let position: WireItem | undefined;
  do {
    const page = await table.call('Scan', { ...input, TableName: table.name, ExclusiveStartKey: position });
    yield page.Items ?? [];
    position = page.LastEvaluatedKey;
  } while (position);
}

/** A page of a scan. */
export interface ScannedPage {
  readonly items: readonly Record<string, unknown>[];
  /** Where to go on, once the scan has read as many as it should; undefined when there is nothing more. */
  readonly position: string | undefined;
}

/**
 * The table's items as they are, in no order, at most `limit`; from after a position on, where given.
 *
 * @throws BadUserInputError for a position that no scan told
 */
export async function* scanItems(
  table: Table,
  { limit, after }: { readonly limit: number; readonly after?: string | undefined },
): AsyncGenerator<ScannedPage> {
  let key: Key | undefined = after === undefined ? undefined : keyOfPosition(after);
  let left = limit;
  do {
    const { Items = [], LastEvaluatedKey } = await table.call('Scan', {
      TableName: table.name,
      Limit: Math.min(left, SCAN_PAGE),
      ExclusiveStartKey: key && toWire(key),
    });
    left -= Items.length;
    key = LastEvaluatedKey && (unmarshall(LastEvaluatedKey) as Key);
    yield { items: Items.map((item) => unmarshall(item)), position: key && positionOf(key) };
  } while (key && left > 0);
}

/** Items a page: with the longest ones, some 2 MB are read in two calls. */
const SCAN_PAGE = 500;

function positionOf({ pk, sk }: Key): string {
  return Buffer.from(JSON.stringify([pk, sk])).toString('base64url');
}

function keyOfPosition(position: string): Key {
  try {
    const [pk, sk] = z.tuple([z.string(), z.string()]).parse(JSON.parse(Buffer.from(position, 'base64url').toString()));
    return { pk, sk };
  } catch {
    throw new BadUserInputError('The position is not one of a scan of this table.');
  }
}
