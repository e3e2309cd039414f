/** A person, as the directory knows them. */
export interface User {
  /** UUID. */
  readonly id: string;
  /** 1 to 30 letters, digits and underscores; unique without regard to case. */
  readonly handle: string;
  readonly displayName: string;
}

/** A message of a group's log. */
export interface Message {
  /** UUID; made before the message is written, so that a write can recognise itself. */
  readonly id: string;
  /** 1, 2, 3 … without holes within the group. */
  readonly sequence: number;
  readonly senderId: string;
  /** Empty once the message is deleted. In a summary, the preview of the body. */
  readonly body: string;
  /** RFC 3339 in UTC with milliseconds. */
  readonly createdAt: string;
  readonly clientMessageId?: string;
  /** The number of edits, and of the deletion; absent for 0. */
  readonly revision?: number;
  /** RFC 3339 in UTC with milliseconds; absent for a message that was never edited. */
  readonly editedAt?: string;
  /** RFC 3339 in UTC with milliseconds; absent for a message that is not deleted. */
  readonly deletedAt?: string;
}

/** A message with the id of its group. */
export interface GroupMessage extends Message {
  readonly messageGroupId: string;
  /** Whether the body may be a preview, because it comes from a summary. */
  readonly bodyMayBeCut?: boolean;
}

export type MessageGroupKind = 'DIRECT' | 'GROUP';

/** A message group as one of its members sees it. */
export interface MessageGroup {
  /** UUID derived from the members. */
  readonly id: string;
  /** Sorted UUIDs of 2 to 50 people; absent where only the summary of a group of more than 8 was read. */
  readonly memberIds?: readonly string[];
  /** The newest message that can be read. Its body may be a preview where only the summary was read. */
  readonly lastMessage: Message;
  /** The highest number of the group's messages. */
  readonly lastSequence: number;
  /** The viewer has read up to and including this sequence. */
  readonly readSequence: number;
  /** The profile's `createdAt`; absent where only the summary was read, which does not hold it. */
  readonly createdAt?: string;
}

/** The people of a group and when it began: what does not change after its first message. */
export interface MessageGroupProfile {
  readonly id: string;
  readonly kind: MessageGroupKind;
  /** Sorted UUIDs of 2 to 50 people. */
  readonly memberIds: readonly string[];
  /** RFC 3339 in UTC with milliseconds; equal to that of message 1. */
  readonly createdAt: string;
}

/** A page of a list that runs newest first. */
export interface Page<Node> {
  readonly edges: readonly { readonly cursor: string; readonly node: Node }[];
  /** The list goes on towards older. */
  readonly hasNextPage: boolean;
  /** The list goes on towards newer. */
  readonly hasPreviousPage: boolean;
}

/** Something that a person did wrong, with the path to the value at fault. */
export interface UserError<Code extends string> {
  readonly code: Code;
  readonly message: string;
  readonly path: readonly string[];
}

/** The most people that a group can have; DynamoDB allows 100 items in the transaction that makes one. */
export const MAX_MEMBERS = 50;
/** The longest body, in Unicode code points after trimming. */
export const MAX_BODY_CODE_POINTS = 1024;
/** The longest `clientMessageId`, in UTF-16 code units. */
export const MAX_CLIENT_MESSAGE_ID_LENGTH = 128;

const HANDLE = /^[A-Za-z0-9_]{1,30}$/;

/** Tells whether a text can be a handle: 1 to 30 letters, digits and underscores, all of them ASCII. */
export function isHandle(text: string): boolean {
  return HANDLE.test(text);
}

/** Puts ASCII letters into lower case, as handles are compared, and leaves all other characters. */
export function foldHandle(handle: string): string {
  return handle.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** A conversation of two is direct, all others are groups. Members that are not known are more than two. */
export function kindOf(memberIds: readonly string[] | undefined): MessageGroupKind {
  return memberIds?.length === 2 ? 'DIRECT' : 'GROUP';
}

/** The longest preview of a body, in Unicode code points. */
export const MAX_PREVIEW_CODE_POINTS = 140;

/** Returns the first 140 code points of a body. */
export function previewOf(body: string): string {
  if (body.length <= MAX_PREVIEW_CODE_POINTS) return body;
  return Array.from(body.slice(0, 2 * MAX_PREVIEW_CODE_POINTS))
    .slice(0, MAX_PREVIEW_CODE_POINTS)
    .join('');
}

/** Tells whether a body may be the preview of a longer one: whether it has exactly 140 code points. */
export function mayBePreview(body: string): boolean {
  return body.length >= MAX_PREVIEW_CODE_POINTS && Array.from(body).length === MAX_PREVIEW_CODE_POINTS;
}

/**
 * How many messages a member has not read. A reader can be ahead of the summary that was loaded,
 * so the difference is cut off at 0.
 */
export function unreadCount(lastSequence: number, readSequence: number): number {
  return Math.max(0, lastSequence - readSequence);
}
