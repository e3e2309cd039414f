import { randomUUID } from 'node:crypto';
import {
  type CancellationReason,
  ConditionalCheckFailedException,
  TransactionCanceledException,
  TransactionConflictException,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import { toWire } from '../dynamodb/attribute-values.ts';
import { UnavailableError } from '../errors.ts';
import type { Message, MessageGroupProfile } from '../model.ts';
import {
  messageItem,
  parseMessage,
  parseSentBefore,
  profileItem,
  type SentBefore,
  sentBeforeItem,
  storedMessage,
  summaryItem,
} from './items.ts';
import { readOrSkip } from './skipped.ts';
import type { Table } from './table.ts';

/** What became of an attempt to put a message at its number. */
export type Append =
  /** With the message as it is there: that of an earlier attempt, whose answer was lost, may be of a little earlier. */
  | { readonly outcome: 'appended'; readonly message: Message }
  /** Another message has the number: `winner`, or undefined if it cannot be read. */
  | { readonly outcome: 'lost'; readonly winner: Message | undefined }
  /** Something else was under way there. What is at the number is not known: it may be the message itself, by an attempt whose answer was lost. */
  | { readonly outcome: 'undecided' }
  /** The sender used the same `clientMessageId` before. The record is undefined if it cannot be read. */
  | { readonly outcome: 'sent before'; readonly record: SentBefore | undefined };

/** The record that a `clientMessageId` leaves, beside the key that it goes under. */
export interface Deduplication {
  readonly clientMessageId: string;
  readonly record: SentBefore;
  /** Seconds since 1970. A record that has expired counts as gone, whenever the engine removes it. */
  readonly now: number;
}

const IS_NEW = 'attribute_not_exists(pk)';
const IS_NEW_OR_EXPIRED = 'attribute_not_exists(pk) OR expiresAt <= :now';

/** Puts a message at its number on condition that the number is free. One PutItem. */
export async function appendMessage(table: Table, messageGroupId: string, message: Message): Promise<Append> {
  try {
    await table.call('PutItem', {
      TableName: table.name,
      Item: toWire(messageItem(messageGroupId, message)),
      ConditionExpression: IS_NEW,
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    return { outcome: 'appended', message };
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return lostTo(table, error.Item, message);
    if (error instanceof UnavailableError && error.cause instanceof TransactionConflictException)
      return { outcome: 'undecided' };
    throw error;
  }
}

/** The same, together with the sent-before record, on condition that there is none. One transaction. */
export async function appendMessageOnce(
  table: Table,
  messageGroupId: string,
  message: Message,
  deduplication: Deduplication,
): Promise<Append> {
  const reasons = await transact(table, [
    putMessage(table, messageGroupId, message),
    putSentBefore(table, messageGroupId, message.senderId, deduplication),
  ]);
  if (!reasons) return { outcome: 'appended', message };
  const [atNumber, atRecord] = reasons;
  return sentBefore(table, atRecord, message) ?? lostTo(table, atNumber?.Item, message);
}

/**
 * Starts a group: profile, message 1, each member's summary, and the sent-before record where there is one.
 * All or nothing, on condition that nothing is left of such a group. One transaction.
 */
export async function startMessageGroup(
  table: Table,
  profile: MessageGroupProfile,
  message: Message,
  deduplication: Deduplication | undefined,
): Promise<Append> {
  const stored = storedMessage(message);
  const reasons = await transact(table, [
    putMessage(table, profile.id, message),
    ...(deduplication ? [putSentBefore(table, profile.id, message.senderId, deduplication)] : []),
    { Put: { TableName: table.name, Item: toWire(profileItem(profile)), ConditionExpression: IS_NEW } },
    ...profile.memberIds.map((memberId) => ({
      Put: {
        TableName: table.name,
        Item: summaryItem(memberId, profile, stored, memberId === message.senderId ? message.sequence : 0),
        ConditionExpression: IS_NEW,
      },
    })),
  ]);
  if (!reasons) return { outcome: 'appended', message };
  const [atNumber, atRecord] = reasons;
  const before = deduplication && sentBefore(table, atRecord, message);
  if (before) return before;
  // Message 1 may be missing from a group of which something else is there.
  const isDecided = reasons.every(({ Code }) => Code !== 'TransactionConflict');
  return !atNumber?.Item && isDecided ? { outcome: 'lost', winner: undefined } : lostTo(table, atNumber?.Item, message);
}

/**
 * Puts the profile of a group on condition that it has none. One PutItem.
 *
 * @returns whether it had none
 */
export async function restoreProfile(table: Table, profile: MessageGroupProfile): Promise<boolean> {
  try {
    await table.call('PutItem', {
      TableName: table.name,
      Item: toWire(profileItem(profile)),
      ConditionExpression: IS_NEW,
    });
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

function putMessage(table: Table, messageGroupId: string, message: Message): TransactWriteItem {
  return {
    Put: {
      TableName: table.name,
      Item: toWire(messageItem(messageGroupId, message)),
      ConditionExpression: IS_NEW,
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
}

function putSentBefore(
  table: Table,
  messageGroupId: string,
  senderId: string,
  { clientMessageId, record, now }: Deduplication,
): TransactWriteItem {
  return {
    Put: {
      TableName: table.name,
      Item: toWire(sentBeforeItem(messageGroupId, senderId, clientMessageId, record)),
      ConditionExpression: IS_NEW_OR_EXPIRED,
      ExpressionAttributeValues: toWire({ ':now': now }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
}

/** A Put that was answered too late and tried again finds itself in its place: that is having won. */
function lostTo(table: Table, item: CancellationReason['Item'], message: Message): Append {
  if (!item) return { outcome: 'undecided' };
  const found = readOrSkip(table, parseMessage, item);
  return found?.id === message.id ? { outcome: 'appended', message: found } : { outcome: 'lost', winner: found };
}

/** Undefined where there is no record, or where it is this attempt's own, which is then at its number too. */
function sentBefore(
  table: Table,
  reason: CancellationReason | undefined,
  { id, sequence }: Message,
): Append | undefined {
  if (!reason?.Item) return undefined;
  const record = readOrSkip(table, parseSentBefore, reason.Item);
  if (record?.messageId === id && record.sequence === sequence) return undefined;
  return { outcome: 'sent before', record };
}

/**
 * Carries out a transaction, once however often the call is tried: its token tells attempts of one transaction from several; see
 * TransactWriteItems in the DynamoDB API reference.
 *
 * @returns why it was cancelled, a reason for each item, when each reason is contention; undefined on success
 * @throws UnavailableError when it was cancelled for a reason that may pass
 */
async function transact(table: Table, items: TransactWriteItem[]): Promise<CancellationReason[] | undefined> {
  try {
    await table.call('TransactWriteItems', { ClientRequestToken: randomUUID(), TransactItems: items });
    return undefined;
  } catch (error) {
    if (!(error instanceof TransactionCanceledException)) throw error;
    const reasons = error.CancellationReasons ?? [];
    const others = reasons.map(({ Code }) => Code ?? 'None').filter((code) => !CONTENTION.has(code));
    if (others.length === 0) return reasons;
    if (others.some((code) => OUR_FAULTS.has(code))) throw error;
    throw new UnavailableError('The message store is overloaded. Try again.', { cause: error });
  }
}

/** Codes of `CancellationReasons`; see TransactWriteItems in the DynamoDB API reference. */
const CONTENTION = new Set(['None', 'ConditionalCheckFailed', 'TransactionConflict']);
const OUR_FAULTS = new Set(['DuplicateItem', 'ItemCollectionSizeLimitExceeded', 'ValidationError']);
