import type { WireItem } from '../dynamodb/attribute-values.ts';
import type { Message, MessageGroupKind, MessageGroupProfile } from '../model.ts';
import {
  MalformedAttributeError,
  readCount,
  readInstant,
  readItem,
  readPositive,
  readText,
  readUuid,
  readUuids,
} from './attributes.ts';
import { activityKey, messageGroupIdOf, messageKey, profileKey, sentBeforeKey, summaryKey } from './keys.ts';

/** What is read from the table is parsed, never cast: an item of another shape is an error, not a surprise. */

/** A member's view of a group. `readSequence` may be ahead of `lastSequence`: a reader can be faster than the worker. */
export interface Summary {
  readonly messageGroupId: string;
  /** Sorted UUIDs of 2 to 50 people. */
  readonly memberIds: readonly string[];
  readonly lastMessage: Message;
  readonly lastSequence: number;
  readonly readSequence: number;
}

/** That a sender used a `clientMessageId`, and for what. */
export interface SentBefore {
  readonly messageId: string;
  readonly sequence: number;
  readonly bodyHash: string;
  /** Seconds since 1970, as DynamoDB's time to live wants it. */
  readonly expiresAt: number;
}

/** Thrown for an item that is not what its key says: a fault of ours, or of whoever wrote the item by hand. */
export class MalformedItemError extends Error {
  override readonly name = 'MalformedItemError';
}

export const parseMessage = parser('message', readMessage);

export const parseProfile = parser(
  'profile',
  (item): MessageGroupProfile => ({
    id: messageGroupIdOf(readText(item, 'pk')),
    kind: readKind(item),
    memberIds: readMemberIds(item),
    createdAt: readInstant(item, 'createdAt'),
  }),
);

export const parseSummary = parser(
  'summary',
  (item): Summary => ({
    messageGroupId: messageGroupIdOf(readText(item, 'sk')),
    memberIds: readMemberIds(item),
    lastMessage: readItem(item, 'lastMessage', readMessage),
    lastSequence: readPositive(item, 'lastSequence'),
    readSequence: readCount(item, 'readSequence'),
  }),
);

export const parseSentBefore = parser(
  'sent-before record',
  (item): SentBefore => ({
    messageId: readUuid(item, 'messageId'),
    sequence: readPositive(item, 'sequence'),
    bodyHash: readText(item, 'bodyHash'),
    expiresAt: readPositive(item, 'expiresAt'),
  }),
);

function readMessage(item: WireItem): Message {
  const message = {
    id: readUuid(item, 'id'),
    sequence: readPositive(item, 'sequence'),
    senderId: readUuid(item, 'senderId'),
    body: readText(item, 'body'),
    createdAt: readInstant(item, 'createdAt'),
  };
  return item['clientMessageId'] ? { ...message, clientMessageId: readText(item, 'clientMessageId') } : message;
}

function readKind(item: WireItem): MessageGroupKind {
  const kind = readText(item, 'kind');
  if (kind === 'DIRECT' || kind === 'GROUP') return kind;
  throw new MalformedAttributeError('kind is not DIRECT or GROUP');
}

function readMemberIds(item: WireItem): readonly string[] {
  const memberIds = readUuids(item, 'memberIds');
  if (memberIds.length >= 2) return memberIds;
  throw new MalformedAttributeError('memberIds are not 2 or more');
}

/** @throws MalformedItemError, also where there is no item */
function parser<Held>(kind: string, read: (item: WireItem) => Held): (item: WireItem | undefined) => Held {
  return (item = {}) => {
    try {
      return read(item);
    } catch (error) {
      if (!(error instanceof MalformedAttributeError)) throw error;
      const { pk, sk } = item;
      throw new MalformedItemError(`The item ${pk?.S} ${sk?.S} is no ${kind}: ${error.message}`);
    }
  };
}

export function messageItem(messageGroupId: string, message: Message) {
  return { ...messageKey(messageGroupId, message.sequence), ...message };
}

export function profileItem({ id, ...held }: MessageGroupProfile) {
  return { ...profileKey(id), ...held };
}

export function summaryItem(userId: string, { messageGroupId, ...held }: Summary) {
  return {
    ...summaryKey(userId, messageGroupId),
    activityKey: activityKey(held.lastMessage.createdAt, messageGroupId),
    ...held,
  };
}

export function sentBeforeItem(messageGroupId: string, senderId: string, clientMessageId: string, record: SentBefore) {
  return { ...sentBeforeKey(messageGroupId, senderId, clientMessageId), ...record };
}
