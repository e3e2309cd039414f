import { toWire } from '../dynamodb/attribute-values.ts';
import type { Message, MessageGroupProfile } from '../model.ts';
import { parseMessage, parseProfile } from './items.ts';
import { FIRST_MESSAGE_SORT_KEY, groupPartition, messageKey, messageSortKey, PROFILE_SORT_KEY } from './keys.ts';
import { getProfile } from './profiles.ts';
import type { Table } from './table.ts';

/** A stretch of a group's log, and the group's profile, which says who may read it. */
export interface Stretch {
  /** Absent when there is no such group. */
  readonly profile: MessageGroupProfile | undefined;
  /** Ascending and without holes. */
  readonly messages: readonly Message[];
  /** The log goes on towards newer. */
  readonly hasNewer: boolean;
}

export interface ReadOptions {
  /** Costs twice the capacity, and sees all that was written before. */
  readonly consistent?: boolean;
}

/** The newest messages of a group, at most `limit`. One Query. */
export async function readNewest(
  table: Table,
  messageGroupId: string,
  limit: number,
  options: ReadOptions = {},
): Promise<Stretch> {
  const [profile, ...items] = await queryLog(table, {
    messageGroupId,
    from: FIRST_MESSAGE_SORT_KEY,
    to: PROFILE_SORT_KEY,
    newestFirst: true,
    limit: limit + 1,
    ...options,
  });
  if (profile?.['sk']?.S !== PROFILE_SORT_KEY) return { profile: undefined, messages: [], hasNewer: false };
  const ascending = items.map(parseMessage).reverse();
  return { profile: parseProfile(profile), messages: runUp(ascending[0]?.sequence, ascending), hasNewer: false };
}

/** The messages that come right before `sequence`, at most `limit`. A Query and a GetItem, side by side. */
export async function readOlder(
  table: Table,
  messageGroupId: string,
  sequence: number,
  limit: number,
): Promise<Stretch> {
  const [profile, items] = await Promise.all([
    getProfile(table, messageGroupId),
    queryLog(table, {
      messageGroupId,
      from: FIRST_MESSAGE_SORT_KEY,
      to: messageSortKey(sequence - 1),
      newestFirst: true,
      limit,
    }),
  ]);
  return { profile, messages: runDown(sequence - 1, items.map(parseMessage)).toReversed(), hasNewer: true };
}

/**
 * Reads the messages that come right after `sequence`, at most `limit`. One Query up to the profile. If more is new than fits, the
 * profile needs a GetItem.
 */
export async function readNewer(
  table: Table,
  messageGroupId: string,
  sequence: number,
  limit: number,
): Promise<Stretch> {
  const items = await queryLog(table, {
    messageGroupId,
    from: messageSortKey(sequence + 1),
    to: PROFILE_SORT_KEY,
    newestFirst: false,
    limit: limit + 1,
  });
  const found = items.at(-1)?.['sk']?.S === PROFILE_SORT_KEY ? parseProfile(items.pop()) : undefined;
  const profile = found ?? (await getProfile(table, messageGroupId));
  const messages = runUp(sequence + 1, items.map(parseMessage));
  return { profile, messages: messages.slice(0, limit), hasNewer: messages.length > limit };
}

/** One message, read consistently; undefined when the log has none of this number. */
export async function getMessage(table: Table, messageGroupId: string, sequence: number): Promise<Message | undefined> {
  const Key = toWire(messageKey(messageGroupId, sequence));
  const { Item } = await table.call('GetItem', { TableName: table.name, Key, ConsistentRead: true });
  return Item && parseMessage(Item);
}

interface LogQuery extends ReadOptions {
  readonly messageGroupId: string;
  /** Sort keys, both inclusive. */
  readonly from: string;
  readonly to: string;
  readonly newestFirst: boolean;
  readonly limit: number;
}

/** A Query stops at 1 MB of items, which 101 of the longest messages come nowhere near: one call is enough. */
async function queryLog(table: Table, { messageGroupId, from, to, newestFirst, limit, consistent }: LogQuery) {
  const { Items = [] } = await table.call('Query', {
    TableName: table.name,
    KeyConditionExpression: 'pk = :group AND sk BETWEEN :from AND :to',
    ExpressionAttributeValues: toWire({ ':group': groupPartition(messageGroupId), ':from': from, ':to': to }),
    ScanIndexForward: !newestFirst,
    Limit: limit,
    ConsistentRead: consistent ?? false,
  });
  return Items;
}

/*
 * An eventually consistent read may show n+2 before n+1. Whoever took n+2 for the newest would never be
 * shown n+1, so a stretch ends at a hole.
 */

/** The messages numbered `start`, `start + 1` and so on, up to the first hole. */
export function runUp(start: number | undefined, ascending: readonly Message[]): readonly Message[] {
  return run(ascending, (message, index) => message.sequence === (start ?? 0) + index);
}

/** The messages numbered `start`, `start - 1` and so on, down to the first hole. */
export function runDown(start: number, descending: readonly Message[]): readonly Message[] {
  return run(descending, (message, index) => message.sequence === start - index);
}

function run(messages: readonly Message[], isNext: (message: Message, index: number) => boolean): readonly Message[] {
  const hole = messages.findIndex((message, index) => !isNext(message, index));
  return hole === -1 ? messages : messages.slice(0, hole);
}
