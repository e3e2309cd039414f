import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { GetCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Message } from '../model.ts';
import { foundItem, parseSummary, type Summary } from './items.ts';
import { activityKey, INBOX_INDEX, summaryKey, userPartition } from './keys.ts';
import { answered, type Table } from './table.ts';

/** A member's summary of a group; undefined when the person is no member of such a group. */
export async function getSummary(table: Table, userId: string, messageGroupId: string): Promise<Summary | undefined> {
  const { Item } = await answered(
    table.client.send(new GetCommand({ TableName: table.name, Key: summaryKey(userId, messageGroupId) })),
  );
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
  const { Items = [] } = await answered(
    table.client.send(
      new QueryCommand({
        TableName: table.name,
        IndexName: INBOX_INDEX,
        KeyConditionExpression: after === undefined ? 'pk = :user' : 'pk = :user AND activityKey < :after',
        ExpressionAttributeValues: { ':user': userPartition(userId), ':after': after },
        ScanIndexForward: false,
        Limit: limit,
      }),
    ),
  );
  return Items.map(parseSummary);
}

/** Where a summary stands in the inbox. */
export function activityKeyOf(summary: Summary): string {
  return activityKey(summary.lastMessage.createdAt, summary.messageGroupId);
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
    await answered(
      table.client.send(
        new UpdateCommand({
          TableName: table.name,
          Key: summaryKey(userId, messageGroupId),
          UpdateExpression: 'SET readSequence = :sequence',
          ConditionExpression: 'readSequence < :sequence',
          ExpressionAttributeValues: { ':sequence': sequence },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      ),
    );
    return sequence;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    const found = foundItem(error.Item);
    return found === undefined ? undefined : parseSummary(found).readSequence;
  }
}

/**
 * Makes `message` the last message of a member's summary, on condition that the one there is older: a join, so
 * that any order and any repetition ends in the same summary.
 *
 * @returns whether the summary moved
 */
export async function advanceLastMessage(
  table: Table,
  userId: string,
  messageGroupId: string,
  message: Message,
): Promise<boolean> {
  try {
    await answered(
      table.client.send(
        new UpdateCommand({
          TableName: table.name,
          Key: summaryKey(userId, messageGroupId),
          UpdateExpression: 'SET lastMessage = :message, lastSequence = :sequence, activityKey = :activityKey',
          ConditionExpression: 'lastSequence < :sequence',
          ExpressionAttributeValues: {
            ':message': message,
            ':sequence': message.sequence,
            ':activityKey': activityKey(message.createdAt, messageGroupId),
          },
        }),
      ),
    );
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
