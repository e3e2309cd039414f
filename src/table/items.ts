import { toWire, type WireItem } from '../dynamodb/attribute-values.ts';
import { type Message, type MessageGroupKind, type MessageGroupProfile, previewOf } from '../model.ts';
import {
  MalformedAttributeError,
  readCount,
  readInstant,
  readInteger,
  readItem,
  readPositive,
  readText,
  readUuid,
  readUuids,
} from './attributes.ts';
import {
  activityKey,
  isActivityKey,
  messageGroupIdOf,
  messageKey,
  profileKey,
  sentBeforeKey,
  sequenceOfSortKey,
  summaryKey,
} from './keys.ts';

/** What is read from the table is parsed, never cast: an item of another shape is an error, not a surprise. */

/** A member's view of a group. `readSequence` may be ahead of `lastSequence`: a reader can be faster than the worker. */
export interface Summary {
  readonly messageGroupId: string;
  /** Sorted UUIDs. Groups of more than 8 have none, unless an older version wrote the summary. */
  readonly memberIds?: readonly string[];
  /** The body is cut to its preview, unless an older version wrote the summary. */
  readonly lastMessage: Message;
  readonly lastSequence: number;
  readonly readSequence: number;
  /** The place in the inbox. */
  readonly activityKey: string;
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
  readonly key: string;
  /** The kind of item that it is not, and the attribute that is wrong. It holds no text that a person wrote. */
  readonly reason: string;

  constructor(key: string, reason: string) {
    super(`The item ${key} is ${reason}`);
    this.key = key;
    this.reason = reason;
  }
}

/** An item that cannot be read: its key, and the attribute that is wrong. It holds no text that a person wrote. */
export interface UnreadableItem {
  readonly key: string;
  readonly reason: string;
}

/** Parses an item, or tells why it cannot be read. */
export function parseOrReason<Held extends object>(
  parse: (item: WireItem) => Held,
  item: WireItem,
): Held | UnreadableItem {
  try {
    return parse(item);
  } catch (error) {
    if (!(error instanceof MalformedItemError)) throw error;
    return { key: error.key, reason: error.reason };
  }
}

export function isUnreadable(item: object): item is UnreadableItem {
  return 'reason' in item;
}

/** Parses a message. If the item has a sort key, the message's sequence is the one of the key. */
export const parseMessage = parser('message', (item): Message => {
  const message = readMessage(item);
  const sk = item['sk']?.S;
  // A message in the place of another, or in none, would move cursors and summaries past the log.
  if (sk !== undefined && sequenceOfSortKey(sk) !== message.sequence)
    throw new MalformedAttributeError(`sequence ${message.sequence} is not that of its key`);
  return message;
});

/** A message, and its attributes as DynamoDB stores them: also those that this version does not know. */
export interface StoredMessage {
  readonly message: Message;
  readonly item: WireItem;
}

/** Reads a message and keeps all of its attributes. */
export function parseStoredMessage(item: WireItem): StoredMessage {
  return { message: parseMessage(item), item };
}

/** Returns a message as it will be stored. */
export function storedMessage(message: Message): StoredMessage {
  return { message, item: toWire(message) };
}

export const parseProfile = parser(
  'profile',
  (item): MessageGroupProfile => ({
    id: messageGroupIdOf(readText(item, 'pk')),
    kind: readKind(item),
    memberIds: readMemberIds(item),
    createdAt: readInstant(item, 'createdAt'),
  }),
);

export const parseSummary = parser('summary', readSummary);

/** Parses how far the owner of a summary has read, whatever else of the summary cannot be read. */
export const parseReadSequence = parser('summary', (item) => readCount(item, 'readSequence'));

/** Parses a summary of an inbox. Its place there is one that a cursor can name. */
export const parseListedSummary = parser('summary', (item): Summary => {
  const summary = readSummary(item);
  if (isActivityKey(summary.activityKey)) return summary;
  throw new MalformedAttributeError('activityKey is not an instant and a group');
});

export const parseSentBefore = parser(
  'sent-before record',
  (item): SentBefore => ({
    messageId: readUuid(item, 'messageId'),
    sequence: readPositive(item, 'sequence'),
    bodyHash: readText(item, 'bodyHash'),
    expiresAt: readInteger(item, 'expiresAt'),
  }),
);

function readSummary(item: WireItem): Summary {
  return {
    messageGroupId: messageGroupIdOf(readText(item, 'sk')),
    ...(item['memberIds'] && { memberIds: readMemberIds(item) }),
    lastMessage: readItem(item, 'lastMessage', readMessage),
    lastSequence: readPositive(item, 'lastSequence'),
    readSequence: readCount(item, 'readSequence'),
    activityKey: readText(item, 'activityKey'),
  };
}

function readMessage(item: WireItem): Message {
  const message: Mutable<Message> = {
    id: readUuid(item, 'id'),
    sequence: readPositive(item, 'sequence'),
    senderId: readUuid(item, 'senderId'),
    body: readText(item, 'body'),
    createdAt: readInstant(item, 'createdAt'),
  };
  if (item['clientMessageId']) message.clientMessageId = readText(item, 'clientMessageId');
  if (item['revision']) message.revision = readCount(item, 'revision');
  if (item['editedAt']) message.editedAt = readInstant(item, 'editedAt');
  if (item['deletedAt']) message.deletedAt = readInstant(item, 'deletedAt');
  return message;
}

type Mutable<Type> = { -readonly [Name in keyof Type]: Type[Name] };

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
      throw new MalformedItemError(`${pk?.S} ${sk?.S}`, `no ${kind}: ${error.message}`);
    }
  };
}

export function messageItem(messageGroupId: string, message: Message) {
  return { ...messageKey(messageGroupId, message.sequence), ...message };
}

/** The largest group whose summaries hold its members. */
export const MAX_SUMMARIZED_MEMBERS = 8;

/** Returns the members that a group's summaries hold; undefined for a group of more than 8. */
export function summarizedMembers(memberIds: readonly string[]): readonly string[] | undefined {
  return memberIds.length <= MAX_SUMMARIZED_MEMBERS ? memberIds : undefined;
}

/**
 * Returns what a member's summary holds of a message: all attributes of the item, also those of newer versions, but for its key. The body
 * is cut to its preview. `clientMessageId` stays in the summary of the sender, who alone sees it.
 */
export function summarizedMessage(item: WireItem, userId: string): WireItem {
  const { pk, sk, clientMessageId, ...message } = item;
  return {
    ...message,
    body: { S: previewOf(item['body']?.S ?? '') },
    ...(clientMessageId && item['senderId']?.S === userId && { clientMessageId }),
  };
}

export function profileItem({ id, ...held }: MessageGroupProfile) {
  return { ...profileKey(id), ...held };
}

/** Returns a member's summary of a group whose newest message is `stored`. */
export function summaryItem(
  userId: string,
  { id, memberIds }: MessageGroupProfile,
  { message, item }: StoredMessage,
  readSequence: number,
): WireItem {
  return {
    ...toWire({
      ...summaryKey(userId, id),
      activityKey: activityKey(message.createdAt, id),
      memberIds: summarizedMembers(memberIds),
      lastSequence: message.sequence,
      readSequence,
    }),
    lastMessage: { M: summarizedMessage(item, userId) },
  };
}

export function sentBeforeItem(messageGroupId: string, senderId: string, clientMessageId: string, record: SentBefore) {
  return { ...sentBeforeKey(messageGroupId, senderId, clientMessageId), ...record };
}
