import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod';
import { toWire } from '../dynamodb/attribute-values.ts';
import { BadUserInputError } from '../errors.ts';
import type { MessageGroupProfile } from '../model.ts';
import { isUnreadable, parseOrReason, parseProfile, parseSentBefore, type UnreadableItem } from './items.ts';
import { isMessageKey, itemTypeOf, type Key, messageGroupIdOf } from './keys.ts';
import type { Table } from './table.ts';

/** The groups, logs and summaries that one call of Scan met. */
export interface ScannedGroups {
  readonly profiles: readonly MessageGroupProfile[];
  /** Profiles and sent-before records that cannot be read. */
  readonly unreadable: readonly UnreadableItem[];
  /** The groups of which the scan met messages for the first time, and no profile that can be read. */
  readonly logs: readonly string[];
  readonly summaries: readonly { readonly userId: string; readonly messageGroupId: string }[];
  /** The position to go on from; undefined at the end of the table. */
  readonly next: string | undefined;
}

/** Items that one call of Scan looks at, so that a part of a repair ends in seconds. */
const GROUPS_PAGE = 1_000;

/** Scans the next 1,000 items of the table for groups, logs and summaries, consistently, from after a position on. */
export async function scanGroups(table: Table, after: string | undefined): Promise<ScannedGroups> {
  const start = after === undefined ? undefined : keyOfPosition(after);
  const isWithinLog = start !== undefined && isMessageKey(start);
  const { Items: items = [], LastEvaluatedKey } = await table.call('Scan', {
    TableName: table.name,
    ConsistentRead: true,
    Limit: GROUPS_PAGE,
    ExclusiveStartKey: start && toWire(start),
  });
  const profiles: MessageGroupProfile[] = [];
  const unreadable: UnreadableItem[] = [];
  const summaries: { userId: string; messageGroupId: string }[] = [];
  const logs = new Set<string>();
  for (const item of items) {
    const { pk = '', sk = '' } = { pk: item['pk']?.S, sk: item['sk']?.S };
    const type = itemTypeOf({ pk, sk });
    if (type.itemType === 'summary') summaries.push({ userId: type.userId, messageGroupId: messageGroupIdOf(sk) });
    // A log goes on from page to page.
    else if (type.itemType === 'message' && !(isWithinLog && pk === start?.pk)) logs.add(type.messageGroupId);
    else if (type.itemType === 'message group') {
      const profile = parseOrReason(parseProfile, item);
      if (isUnreadable(profile)) unreadable.push(profile);
      else profiles.push(profile);
    } else if (type.itemType === 'sent-before record') {
      const record = parseOrReason(parseSentBefore, item);
      if (isUnreadable(record)) unreadable.push(record);
    }
  }
  for (const { id } of profiles) logs.delete(id);
  const next = LastEvaluatedKey && positionOf(unmarshall(LastEvaluatedKey) as Key);
  return { profiles, unreadable, logs: [...logs], summaries, next };
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
