import { randomUUID } from 'node:crypto';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { messageItem, profileItem, sentBeforeItem, storedMessage, summaryItem } from '../src/table/items.ts';
import {
  activityKey,
  groupPartition,
  INBOX_INDEX,
  messageSortKey,
  PROFILE_SORT_KEY,
  profileKey,
  summaryKey,
  userPartition,
} from '../src/table/keys.ts';

/** A call to the engine, as a document client takes it. */
export interface EngineCallInput {
  readonly operation: 'GetItem' | 'PutItem' | 'Query' | 'TransactWriteItems' | 'UpdateItem';
  readonly input: Record<string, unknown>;
}

/** The calls that the operations take at least, with all that the API asks the engine for. */

const TABLE = { TableName: 'cruddur-messages', ReturnConsumedCapacity: 'TOTAL' };
const IS_NEW = { ConditionExpression: 'attribute_not_exists(pk)', ReturnValuesOnConditionCheckFailure: 'ALL_OLD' };

export function newest(groupId: string, limit: number): EngineCallInput {
  return queryLog(groupId, 'MSG#', PROFILE_SORT_KEY, limit + 1, false);
}

export function newer(groupId: string, sequence: number, limit: number): EngineCallInput {
  return queryLog(groupId, messageSortKey(sequence + 1), PROFILE_SORT_KEY, limit + 1, true);
}

export function older(groupId: string, sequence: number, limit: number): EngineCallInput {
  return queryLog(groupId, 'MSG#', messageSortKey(sequence - 1), limit, false);
}

export function profile(groupId: string): EngineCallInput {
  return { operation: 'GetItem', input: { ...TABLE, Key: profileKey(groupId) } };
}

export function inbox(userId: string, limit: number): EngineCallInput {
  return {
    operation: 'Query',
    input: {
      ...TABLE,
      IndexName: INBOX_INDEX,
      KeyConditionExpression: 'pk = :user',
      ExpressionAttributeValues: { ':user': userPartition(userId) },
      ScanIndexForward: false,
      Limit: limit + 1,
    },
  };
}

interface Draft {
  readonly id: string;
  readonly senderId: string;
  readonly body: string;
}

export function append(groupId: string, draft: Draft, clientMessageId?: string): EngineCallInput {
  const message = { ...draft, sequence: 1, createdAt: new Date().toISOString() };
  const put = { TableName: TABLE.TableName, Item: messageItem(groupId, message), ...IS_NEW };
  if (clientMessageId === undefined) return { operation: 'PutItem', input: { ...TABLE, ...put } };
  const record = { messageId: draft.id, sequence: 1, bodyHash: 'x'.repeat(44), expiresAt: 2_000_000_000 };
  const putRecord = {
    TableName: TABLE.TableName,
    Item: sentBeforeItem(groupId, draft.senderId, clientMessageId, record),
    ...IS_NEW,
    ConditionExpression: 'attribute_not_exists(pk) OR expiresAt <= :now',
    ExpressionAttributeValues: { ':now': 1_700_000_000 },
  };
  return transaction([put, putRecord]);
}

/** The update of the sender's own summary after a send. */
export function ownSummary(
  groupId: string,
  { memberIds, senderId, ...draft }: Draft & { memberIds: readonly string[] },
): EngineCallInput {
  const message = { ...draft, senderId, sequence: 1, createdAt: new Date().toISOString() };
  return {
    operation: 'UpdateItem',
    input: {
      ...TABLE,
      // Of nobody who reads an inbox.
      Key: summaryKey(randomUUID(), groupId),
      UpdateExpression:
        'SET lastMessage = :message, lastSequence = :sequence, activityKey = :activityKey, readSequence = :sequence, memberIds = :memberIds',
      ConditionExpression:
        '(attribute_not_exists(lastSequence) OR lastSequence < :sequence) AND (attribute_not_exists(readSequence) OR readSequence < :sequence)',
      ExpressionAttributeValues: {
        ':message': message,
        ':sequence': message.sequence,
        ':activityKey': activityKey(message.createdAt, groupId),
        ':memberIds': memberIds,
      },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
}

export function start(groupId: string, memberIds: readonly string[], senderId: string, body: string): EngineCallInput {
  const message = { id: randomUUID(), senderId, body, sequence: 1, createdAt: new Date().toISOString() };
  const { createdAt } = message;
  const profile = { id: groupId, kind: 'DIRECT', memberIds, createdAt } as const;
  return transaction([
    { TableName: TABLE.TableName, Item: messageItem(groupId, message), ...IS_NEW },
    { TableName: TABLE.TableName, Item: profileItem(profile), ...IS_NEW },
    ...memberIds.map((memberId) => ({
      TableName: TABLE.TableName,
      Item: unmarshall(summaryItem(memberId, profile, storedMessage(message), memberId === senderId ? 1 : 0)),
    })),
  ]);
}

function transaction(puts: readonly object[]): EngineCallInput {
  const { ReturnConsumedCapacity } = TABLE;
  return {
    operation: 'TransactWriteItems',
    input: { ReturnConsumedCapacity, TransactItems: puts.map((Put) => ({ Put })) },
  };
}

function queryLog(groupId: string, from: string, to: string, limit: number, forward: boolean): EngineCallInput {
  return {
    operation: 'Query',
    input: {
      ...TABLE,
      KeyConditionExpression: 'pk = :group AND sk BETWEEN :from AND :to',
      ExpressionAttributeValues: { ':group': groupPartition(groupId), ':from': from, ':to': to },
      ScanIndexForward: forward,
      Limit: limit,
      ConsistentRead: false,
    },
  };
}
