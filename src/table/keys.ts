import { MAX_INT } from './attributes.ts';

/**
 * How the single table spells its keys. No other file does.
 *
 * Within a group's partition `DEDUP#` sorts before `MSG#`, and `PROFILE` after it. So a Query from
 * `MSG#` to `PROFILE` walks the log and then the profile, or the other way round, and never meets a
 * sent-before record.
 */

/** The key attributes of an item. */
export interface Key {
  readonly pk: string;
  readonly sk: string;
}

/** 12 digits hold a message a millisecond for 31 years, and sort as text like the numbers do. */
const SEQUENCE_DIGITS = 12;

/** The key of an item that is never there, to ask whether the table answers. */
export const HEALTH_KEY: Key = { pk: 'HEALTH', sk: 'HEALTH' };

const MESSAGE_PREFIX = 'MSG#';

const SENT_BEFORE_PREFIX = 'DEDUP#';

/** The sort key of a group's profile; greater than that of any message. */
export const PROFILE_SORT_KEY = 'PROFILE';

/** The name of the sparse index of summaries by latest activity. */
export const INBOX_INDEX = 'inbox';

/** The lower end of a group's log as a sort key. */
export const FIRST_MESSAGE_SORT_KEY = MESSAGE_PREFIX;

/** The beginning of the partition keys of groups, and of the sort keys of summaries. */
export const GROUP_PREFIX = 'GRP#';

export function groupPartition(messageGroupId: string): string {
  return GROUP_PREFIX + messageGroupId;
}

/** The group that a summary's sort key, or a group partition's key, names. */
export function messageGroupIdOf(key: string): string {
  return key.slice(GROUP_PREFIX.length);
}

/** Whether an item with this key is a message. */
export function isMessageKey({ pk, sk }: Key): boolean {
  return pk.startsWith(GROUP_PREFIX) && sk.startsWith(MESSAGE_PREFIX);
}

/** The beginning of the partition keys of summaries. */
export const USER_PREFIX = 'USR#';

export function userPartition(userId: string): string {
  return USER_PREFIX + userId;
}

/** The person whose summaries a partition holds. */
export function userIdOf(partition: string): string {
  return partition.slice(USER_PREFIX.length);
}

export function messageSortKey(sequence: number): string {
  return MESSAGE_PREFIX + String(sequence).padStart(SEQUENCE_DIGITS, '0');
}

/** Returns the number in a message's sort key; undefined if it is not a message's, or above what a GraphQL `Int` holds. */
export function sequenceOfSortKey(sk: string): number | undefined {
  const sequence = SEQUENCE_KEY.test(sk) ? Number(sk.slice(MESSAGE_PREFIX.length)) : undefined;
  return sequence !== undefined && sequence <= MAX_INT ? sequence : undefined;
}

const SEQUENCE_KEY = /^MSG#\d{12}$/;

export function profileKey(messageGroupId: string): Key {
  return { pk: groupPartition(messageGroupId), sk: PROFILE_SORT_KEY };
}

export function messageKey(messageGroupId: string, sequence: number): Key {
  return { pk: groupPartition(messageGroupId), sk: messageSortKey(sequence) };
}

export function sentBeforeKey(messageGroupId: string, senderId: string, clientMessageId: string): Key {
  return { pk: groupPartition(messageGroupId), sk: `${SENT_BEFORE_PREFIX}${senderId}#${clientMessageId}` };
}

export function summaryKey(userId: string, messageGroupId: string): Key {
  return { pk: userPartition(userId), sk: groupPartition(messageGroupId) };
}

/**
 * The sort key of the `inbox` index: the group's latest activity, and its id to tell apart
 * groups of the same millisecond.
 */
export function activityKey(lastMessageCreatedAt: string, messageGroupId: string): string {
  return `${lastMessageCreatedAt}#${messageGroupId}`;
}

/** Whether `activityKey` could have made it. */
export function isActivityKey(text: string): boolean {
  return ACTIVITY_KEY.test(text);
}

const ACTIVITY_KEY = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z#[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What type of item a key is of, and the ids that it spells. */
export function itemTypeOf({ pk, sk }: Key) {
  const messageGroupId = pk.startsWith(GROUP_PREFIX) ? messageGroupIdOf(pk) : undefined;
  if (messageGroupId !== undefined && sk === PROFILE_SORT_KEY)
    return { itemType: 'message group', messageGroupId } as const;
  if (messageGroupId !== undefined && sk.startsWith(MESSAGE_PREFIX))
    return { itemType: 'message', messageGroupId } as const;
  if (messageGroupId !== undefined && sk.startsWith(SENT_BEFORE_PREFIX)) {
    const [senderId = '', ...clientMessageId] = sk.slice(SENT_BEFORE_PREFIX.length).split('#');
    return {
      itemType: 'sent-before record',
      messageGroupId,
      senderId,
      clientMessageId: clientMessageId.join('#'),
    } as const;
  }
  if (pk.startsWith(USER_PREFIX) && sk.startsWith(GROUP_PREFIX))
    return { itemType: 'summary', userId: userIdOf(pk) } as const;
  return { itemType: 'unknown' } as const;
}
