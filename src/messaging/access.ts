import { LRUCache } from 'lru-cache';
import { validate as isUuid } from 'uuid';
import { NotFoundError } from '../errors.ts';
import type { Message, MessageGroupProfile, User } from '../model.ts';
import { readNewer, readNewest, readOlder, type Stretch } from '../table/log.ts';
import { isInProfile } from '../table/profiles.ts';
import { getSummary } from '../table/summaries.ts';
import type { ReadOptions, Table } from '../table/table.ts';

/**
 * All authorization happens here. Each function checks membership before it returns data.
 *
 * 1. Only members read a group or write to it.
 * 2. "Not yours" and "does not exist" are one error, and cost the same: one read of the profile, and nothing else.
 * 3. A member whose check passed in this process reads at once. The profile that comes with the page is checked in any case.
 */

/** A stretch of a log that the viewer may read. */
export interface AccessibleLog extends Stretch {
  readonly profile: MessageGroupProfile;
}

/** The end of the log of a group that the viewer may write to. */
export interface LogEnd {
  readonly profile: MessageGroupProfile;
  /** The newest message that can be read. If the log has none, that of the viewer's summary. */
  readonly lastMessage: Message | undefined;
  /** The highest number of the group's messages, also if that message cannot be read; 0 if there was none yet. */
  readonly lastSequence: number;
}

/** A group that the viewer may read and write to. */
export interface AccessibleGroup extends LogEnd {
  readonly lastMessage: Message;
}

/** Members whose check is kept, for each group: 20,000 take some 5 MB. A member who was left out costs one read more. */
const MAX_ADMITTED = 20_000;

/** The viewers who passed for a group, in this process. A hint alone: it saves the read before the page, never the check after it. */
const admitted = new LRUCache<string, true>({ max: MAX_ADMITTED });

/**
 * Lets the viewer pass who is a member of the group, by the group's profile or by an earlier check in this process.
 *
 * @throws NotFoundError if there is no such group among the viewer's; that costs one read of 0.5 RCU, or none if the id is not a UUID
 */
export async function checkMembership(
  table: Table,
  viewer: User,
  messageGroupId: string,
  options?: ReadOptions,
): Promise<void> {
  if (!isUuid(messageGroupId)) throw messageGroupNotFound();
  if (admitted.get(keyOf(viewer, messageGroupId))) return;
  if (!(await isInProfile(table, viewer.id, messageGroupId, options))) throw messageGroupNotFound();
  admitted.set(keyOf(viewer, messageGroupId), true);
}

/** Lets the viewer pass for the group of people that the viewer names: its id follows from its members, so there is nothing to hide. */
export function admitToOwnGroup(
  viewer: User,
  group: { readonly messageGroupId: string; readonly memberIds: readonly string[] },
) {
  if (group.memberIds.includes(viewer.id)) admitted.set(keyOf(viewer, group.messageGroupId), true);
}

/** Reads the newest `limit` messages of the group. */
export function accessNewest(table: Table, viewer: User, messageGroupId: string, limit: number, options?: ReadOptions) {
  return accessLog(table, viewer, messageGroupId, () => readNewest(table, messageGroupId, limit, options), options);
}

/** Reads the `limit` messages right before `sequence`. */
export function accessOlder(table: Table, viewer: User, messageGroupId: string, sequence: number, limit: number) {
  return accessLog(table, viewer, messageGroupId, () => readOlder(table, messageGroupId, sequence, limit));
}

/** Reads the `limit` messages right after `sequence`. */
export function accessNewer(table: Table, viewer: User, messageGroupId: string, sequence: number, limit: number) {
  return accessLog(table, viewer, messageGroupId, () => readNewer(table, messageGroupId, sequence, limit));
}

/**
 * Reads the group and its newest message.
 *
 * @throws NotFoundError if there is no such group among the viewer's, or if neither its log nor the viewer's summary has a message
 */
export async function accessMessageGroup(
  table: Table,
  viewer: User,
  messageGroupId: string,
  options?: ReadOptions,
): Promise<AccessibleGroup> {
  const { profile, lastMessage, lastSequence } = await accessLogEnd(table, viewer, messageGroupId, options);
  // A Query can see the transaction that starts a group half done. Until it sees all of it, there is no group.
  if (!lastMessage) throw messageGroupNotFound();
  return { profile, lastMessage, lastSequence };
}

/**
 * Reads the end of the group's log.
 *
 * @returns undefined if there is no such group among the viewer's
 */
export async function findLogEnd(
  table: Table,
  viewer: User,
  messageGroupId: string,
  options?: ReadOptions,
): Promise<LogEnd | undefined> {
  try {
    return await accessLogEnd(table, viewer, messageGroupId, options);
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

/** Returns the one error for "does not exist" and "not yours". */
export function messageGroupNotFound(): NotFoundError {
  return new NotFoundError('There is no such message group.');
}

/**
 * Reads the end of the group's log. If all messages of the log are missing, its end is the one in the viewer's summary, so that the next
 * message moves the summaries forward.
 */
async function accessLogEnd(
  table: Table,
  viewer: User,
  messageGroupId: string,
  options?: ReadOptions,
): Promise<LogEnd> {
  const { profile, messages, lastSequence } = await accessNewest(table, viewer, messageGroupId, 1, options);
  const lastMessage = messages.at(-1);
  if (lastMessage) return { profile, lastMessage, lastSequence };
  const summary = await getSummary(table, viewer.id, messageGroupId, { consistent: true });
  return { profile, lastMessage: summary?.lastMessage, lastSequence: lastSequence || (summary?.lastSequence ?? 0) };
}

async function accessLog(
  table: Table,
  viewer: User,
  messageGroupId: string,
  read: () => Promise<Stretch>,
  options?: ReadOptions,
): Promise<AccessibleLog> {
  await checkMembership(table, viewer, messageGroupId, options);
  const { profile, ...stretch } = await read();
  if (!isMember(viewer, profile)) throw messageGroupNotFound();
  return { profile, ...stretch };
}

function isMember(viewer: User, profile: MessageGroupProfile | undefined): profile is MessageGroupProfile {
  return profile?.memberIds.includes(viewer.id) ?? false;
}

function keyOf(viewer: User, messageGroupId: string): string {
  return `${viewer.id} ${messageGroupId}`;
}
