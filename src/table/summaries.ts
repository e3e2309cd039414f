import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { toWire, type WireItem } from '../dynamodb/attribute-values.ts';
import type { MessageGroupProfile } from '../model.ts';
import {
  parseListedSummary,
  parseOrReason,
  parseReadSequence,
  parseSummary,
  type StoredMessage,
  type Summary,
  summarizedMembers,
  summarizedMessage,
  type UnreadableItem,
} from './items.ts';
import { activityKey, INBOX_INDEX, isActivityKey, summaryKey, userPartition } from './keys.ts';
import { readOrSkip } from './skipped.ts';
import type { ReadOptions, Table } from './table.ts';

/** Reads a member's summary of a group. Returns undefined if there is none, or if it cannot be read. */
export async function getSummary(
  table: Table,
  userId: string,
  messageGroupId: string,
  options?: ReadOptions,
): Promise<Summary | undefined> {
  const item = await getSummaryItem(table, userId, messageGroupId, options);
  return item && readOrSkip(table, parseSummary, item);
}

/** Reads a member's summary of a group consistently, or tells why it cannot be read. Returns undefined if there is none. */
export async function inspectSummary(
  table: Table,
  userId: string,
  messageGroupId: string,
): Promise<Summary | UnreadableItem | undefined> {
  const item = await getSummaryItem(table, userId, messageGroupId, { consistent: true });
  return item && parseOrReason(parseSummary, item);
}

async function getSummaryItem(
  table: Table,
  userId: string,
  messageGroupId: string,
  { consistent = false }: ReadOptions = {},
): Promise<WireItem | undefined> {
  const Key = toWire(summaryKey(userId, messageGroupId));
  const { Item } = await table.call('GetItem', { TableName: table.name, Key, ConsistentRead: consistent });
  return Item;
}

/** A page of a person's summaries, latest activity first. */
export interface InboxPage {
  readonly summaries: readonly Summary[];
  readonly hasMore: boolean;
}

/**
 * Reads a person's summaries, latest activity first, at most `limit`, from after the activity key `after` on. Summaries that cannot be read
 * are left out. One Query of the index, which is always eventually consistent, unless none of the page can be read.
 */
export async function listSummaries(
  table: Table,
  userId: string,
  { after, limit }: { readonly after: string | undefined; readonly limit: number },
): Promise<InboxPage> {
  const { Items: items = [], LastEvaluatedKey } = await table.call('Query', {
    TableName: table.name,
    IndexName: INBOX_INDEX,
    KeyConditionExpression: after === undefined ? 'pk = :user' : 'pk = :user AND activityKey < :after',
    ExpressionAttributeValues: toWire({ ':user': userPartition(userId), ':after': after }),
    ScanIndexForward: false,
    // One more than asked for tells whether there is a next page.
    Limit: limit + 1,
  });
  const page = items.slice(0, limit);
  const summaries = page.flatMap((item) => readOrSkip(table, parseListedSummary, item) ?? []);
  // A Query stops at 1 MB, too.
  const hasMore = items.length > limit || LastEvaluatedKey !== undefined;
  if (summaries.length > 0 || !hasMore) return { summaries, hasMore };
  return listSummaries(table, userId, { after: page.at(-1)?.['activityKey']?.S, limit });
}

/** Tells whether a summary could have this place in the inbox: whether the text is an activity key. */
export function isInboxPosition(text: string): boolean {
  return isActivityKey(text);
}

/** Returns the place in the inbox of a group with this last message. */
export function inboxPositionOf(
  { createdAt }: Pick<StoredMessage['message'], 'createdAt'>,
  messageGroupId: string,
): string {
  return activityKey(createdAt, messageGroupId);
}

/**
 * Moves a member's `readSequence` forward to `sequence`, on condition that it is smaller.
 *
 * @returns the `readSequence` that holds afterwards; undefined if there is no such summary, or if it cannot be read
 */
export async function advanceReadSequence(
  table: Table,
  userId: string,
  messageGroupId: string,
  sequence: number,
): Promise<number | undefined> {
  try {
    await table.call('UpdateItem', {
      TableName: table.name,
      Key: toWire(summaryKey(userId, messageGroupId)),
      UpdateExpression: 'SET readSequence = :sequence',
      ConditionExpression: 'attribute_exists(pk) AND (attribute_not_exists(readSequence) OR readSequence < :sequence)',
      ExpressionAttributeValues: toWire({ ':sequence': sequence }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    return sequence;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return error.Item && readOrSkip(table, parseReadSequence, error.Item);
  }
}

/** The message is after the one that the summary has, or the summary has none. */
const IS_NEWER = 'attribute_not_exists(lastSequence) OR lastSequence < :sequence';
/** The message is the one that the summary has, in a later revision. */
const IS_EDITED =
  'lastSequence = :sequence AND (attribute_not_exists(lastMessage.revision) OR lastMessage.revision < :revision)';
/** The sequence is not read yet. */
const IS_UNREAD = '(attribute_not_exists(readSequence) OR readSequence < :sentUpTo)';

/**
 * Joins a message into a member's summary: it becomes the last message if its (sequence, revision) is higher, and all up to `sentUpTo`
 * counts as read. Neither moves back, so any order and repetition ends in the same summary. A summary that is missing is made, unless `create` is false. Attributes
 * that this version does not know stay. A summary that cannot be read stays as it is.
 *
 * One UpdateItem; a second if only one of the two has to move.
 *
 * @returns whether there is such a summary now
 */
export async function advanceSummary(
  table: Table,
  userId: string,
  profile: MessageGroupProfile,
  stored: StoredMessage,
  sentUpTo: number | undefined,
  { create = true }: { readonly create?: boolean } = {},
): Promise<boolean> {
  const found = await joinMessage(table, userId, profile, stored, sentUpTo, create);
  if (found === 'missing') return false;
  if (!found || sentUpTo === undefined) return true;
  if (isAfter(stored, found)) await joinMessage(table, userId, profile, stored, undefined, create);
  else if (found.readSequence < sentUpTo) await advanceReadSequence(table, userId, profile.id, sentUpTo);
  return true;
}

function isAfter({ message }: StoredMessage, { lastSequence, lastMessage }: Summary): boolean {
  if (message.sequence !== lastSequence) return message.sequence > lastSequence;
  return (message.revision ?? 0) > (lastMessage.revision ?? 0);
}

/** @returns the summary if it is not behind and can be read; undefined if it was updated; `missing` if there is none, and none was to be made */
async function joinMessage(
  table: Table,
  userId: string,
  profile: MessageGroupProfile,
  stored: StoredMessage,
  sentUpTo: number | undefined,
  create: boolean,
): Promise<Summary | 'missing' | undefined> {
  const { revision = 0 } = stored.message;
  const isAhead = `${create ? '' : 'attribute_exists(pk) AND '}(${revision === 0 ? IS_NEWER : `${IS_NEWER} OR ${IS_EDITED}`})`;
  try {
    await updateSummary(table, userId, profile, stored, {
      read: sentUpTo === undefined ? 'if_not_exists(readSequence, :nothing)' : ':sentUpTo',
      condition: sentUpTo === undefined ? isAhead : `${isAhead} AND ${IS_UNREAD}`,
      values: {
        ...(revision > 0 && { ':revision': revision }),
        ...(sentUpTo ? { ':sentUpTo': sentUpTo } : { ':nothing': 0 }),
      },
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return error.Item ? readOrSkip(table, parseSummary, error.Item) : 'missing';
  }
}

/**
 * Corrects a summary, also backwards, on condition that it is as it was seen.
 *
 * @returns whether it was
 */
export async function correctSummary(
  table: Table,
  userId: string,
  profile: MessageGroupProfile,
  stored: StoredMessage,
  readSequence: number,
  seen: Summary,
): Promise<boolean> {
  const { revision } = seen.lastMessage;
  const isRevision =
    revision === undefined ? 'attribute_not_exists(lastMessage.revision)' : 'lastMessage.revision = :seenRevision';
  try {
    await updateSummary(table, userId, profile, stored, {
      read: ':readSequence',
      condition: `lastSequence = :seenLast AND readSequence = :seenRead AND ${isRevision}`,
      values: {
        ':readSequence': readSequence,
        ':seenLast': seen.lastSequence,
        ':seenRead': seen.readSequence,
        ...(revision !== undefined && { ':seenRevision': revision }),
      },
    });
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

interface SummaryUpdate {
  /** The expression that `readSequence` is set to. */
  readonly read: string;
  readonly condition: string;
  readonly values: Readonly<Record<string, number>>;
}

async function updateSummary(
  table: Table,
  userId: string,
  { id, memberIds }: MessageGroupProfile,
  { message, item }: StoredMessage,
  { read, condition, values }: SummaryUpdate,
): Promise<void> {
  const members = summarizedMembers(memberIds);
  const set = `SET lastMessage = :message, lastSequence = :sequence, activityKey = :activityKey, readSequence = ${read}`;
  await table.call('UpdateItem', {
    TableName: table.name,
    Key: toWire(summaryKey(userId, id)),
    UpdateExpression: members ? `${set}, memberIds = :memberIds` : `${set} REMOVE memberIds`,
    ConditionExpression: condition,
    ExpressionAttributeValues: {
      ...toWire({
        ':sequence': message.sequence,
        ':activityKey': activityKey(message.createdAt, id),
        ':memberIds': members,
        ...values,
      }),
      ':message': { M: summarizedMessage(item, userId) },
    },
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  });
}
