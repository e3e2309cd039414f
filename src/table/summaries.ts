import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { toWire } from '../dynamodb/attribute-values.ts';
import type { Message, MessageGroupProfile } from '../model.ts';
import { parseSummary, type Summary, summaryItem } from './items.ts';
import { activityKey, INBOX_INDEX, isActivityKey, summaryKey, userPartition } from './keys.ts';
import type { ReadOptions } from './log.ts';
import type { Table } from './table.ts';

/** A member's summary of a group; undefined when the person is no member of such a group. */
export async function getSummary(
  table: Table,
  userId: string,
  messageGroupId: string,
  { consistent = false }: ReadOptions = {},
): Promise<Summary | undefined> {
  const Key = toWire(summaryKey(userId, messageGroupId));
  const { Item } = await table.call('GetItem', { TableName: table.name, Key, ConsistentRead: consistent });
  return Item && parseSummary(Item);
}

/**
 * A person's summaries, latest activity first, at most `limit`; from after the activity key `after` on,
 * where given. One Query of the index, which is eventually consistent always.
 */
export async function listSummaries(
  table: Table,
  userId: string,
  { after, limit }: { readonly after: string | undefined; readonly limit: number },
): Promise<Summary[]> {
  const { Items = [] } = await table.call('Query', {
    TableName: table.name,
    IndexName: INBOX_INDEX,
    KeyConditionExpression: after === undefined ? 'pk = :user' : 'pk = :user AND activityKey < :after',
    ExpressionAttributeValues: toWire({ ':user': userPartition(userId), ':after': after }),
    ScanIndexForward: false,
    Limit: limit,
  });
  return Items.map(parseSummary);
}

/** Where a summary stands in the inbox. */
export function activityKeyOf(summary: Summary): string {
  return activityKey(summary.lastMessage.createdAt, summary.messageGroupId);
}

/** Whether a summary could stand there in the inbox: whether the text is an activity key. */
export function isInboxPosition(text: string): boolean {
  return isActivityKey(text);
}

/**
 * Moves a member's `readSequence` forward to `sequence`, on condition that it is smaller.
 *
 * @returns the `readSequence` that holds afterwards; undefined when there is no such summary
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
      ConditionExpression: 'readSequence < :sequence',
      ExpressionAttributeValues: toWire({ ':sequence': sequence }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    return sequence;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return error.Item && parseSummary(error.Item).readSequence;
  }
}

/** A message after the one that the summary has, or of a group that it has none of. */
const IS_NEWER = '(attribute_not_exists(lastSequence) OR lastSequence < :sequence)';
/** A sequence that is not read yet. */
const IS_UNREAD = '(attribute_not_exists(readSequence) OR readSequence < :sentUpTo)';

/**
 * Joins a message into a member's summary: it becomes the last message if it is newer than the one there, and what the member
 * sent up to counts as read. Neither ever moves back, so that any order and repetition ends in the same summary. A
 * summary that is missing is made.
 *
 * One UpdateItem; a second where only one of the two has still to move.
 */
export async function advanceSummary(
  table: Table,
  userId: string,
  profile: MessageGroupProfile,
  message: Message,
  sentUpTo: number | undefined,
): Promise<void> {
  const found = await joinMessage(table, userId, profile, message, sentUpTo);
  if (!found || sentUpTo === undefined) return;
  if (found.lastSequence < message.sequence) await joinMessage(table, userId, profile, message, undefined);
  else if (found.readSequence < sentUpTo) await advanceReadSequence(table, userId, profile.id, sentUpTo);
}

/** @returns the summary as it is where the condition does not hold; undefined where it was updated */
async function joinMessage(
  table: Table,
  userId: string,
  { id, memberIds }: MessageGroupProfile,
  message: Message,
  sentUpTo: number | undefined,
): Promise<Summary | undefined> {
  const sent = sentUpTo !== undefined;
  const readSequence = sent ? ':sentUpTo' : 'if_not_exists(readSequence, :nothing)';
  try {
    await table.call('UpdateItem', {
      TableName: table.name,
      Key: toWire(summaryKey(userId, id)),
      UpdateExpression: `SET lastMessage = :message, lastSequence = :sequence, activityKey = :activityKey, memberIds = :memberIds, readSequence = ${readSequence}`,
      ConditionExpression: sent ? `${IS_NEWER} AND ${IS_UNREAD}` : IS_NEWER,
      ExpressionAttributeValues: toWire({
        ':message': message,
        ':sequence': message.sequence,
        ':activityKey': activityKey(message.createdAt, id),
        ':memberIds': memberIds,
        ...(sent ? { ':sentUpTo': sentUpTo } : { ':nothing': 0 }),
      }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return parseSummary(error.Item);
  }
}

/**
 * Puts a summary in the place of the one that was seen, on condition that it is still as it was seen.
 *
 * @returns whether it was
 */
export async function replaceSummary(
  table: Table,
  userId: string,
  summary: Summary,
  seen: Summary | undefined,
): Promise<boolean> {
  try {
    await table.call('PutItem', {
      TableName: table.name,
      Item: toWire(summaryItem(userId, summary)),
      ...(seen
        ? {
            ConditionExpression: 'lastSequence = :lastSequence AND readSequence = :readSequence',
            ExpressionAttributeValues: toWire({
              ':lastSequence': seen.lastSequence,
              ':readSequence': seen.readSequence,
            }),
          }
        : { ConditionExpression: 'attribute_not_exists(pk)' }),
    });
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
