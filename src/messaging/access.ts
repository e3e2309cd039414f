import { validate as isUuid } from 'uuid';
import { NotFoundError } from '../errors.ts';
import type { Message, MessageGroupProfile, User } from '../model.ts';
import { type ReadOptions, readNewer, readNewest, readOlder, type Stretch } from '../table/log.ts';
import type { Table } from '../table/table.ts';

/**
 * The only place that decides who may. Loading is checking: what these functions return, the viewer may see and
 * write to. A group that is not the viewer's and one that does not exist end in the same error.
 */

/** A stretch of a log that the viewer may read. */
export interface AccessibleLog {
  readonly profile: MessageGroupProfile;
  /** Ascending and without holes. */
  readonly messages: readonly Message[];
  /** The log goes on towards newer. */
  readonly hasNewer: boolean;
}

/** A group that the viewer may read and write to. */
export interface AccessibleGroup {
  readonly profile: MessageGroupProfile;
  readonly lastMessage: Message;
}

/** The newest `limit` messages of the group. */
export function accessNewest(table: Table, viewer: User, messageGroupId: string, limit: number, options?: ReadOptions) {
  return accessLog(viewer, messageGroupId, () => readNewest(table, messageGroupId, limit, options));
}

/** The `limit` messages right before `sequence`. */
export function accessOlder(table: Table, viewer: User, messageGroupId: string, sequence: number, limit: number) {
  return accessLog(viewer, messageGroupId, () => readOlder(table, messageGroupId, sequence, limit));
}

/** The `limit` messages right after `sequence`. */
export function accessNewer(table: Table, viewer: User, messageGroupId: string, sequence: number, limit: number) {
  return accessLog(viewer, messageGroupId, (mayRead) => readNewer(table, messageGroupId, sequence, limit, mayRead));
}

/** The group and its newest message. */
export async function accessMessageGroup(
  table: Table,
  viewer: User,
  messageGroupId: string,
  options?: ReadOptions,
): Promise<AccessibleGroup> {
  const { profile, messages } = await accessNewest(table, viewer, messageGroupId, 1, options);
  const lastMessage = messages.at(-1);
  // A Query can see the transaction that starts a group half done; until it is whole, the group is not there.
  if (!lastMessage) throw messageGroupNotFound();
  return { profile, lastMessage };
}

/** The same; undefined when there is no such group among the viewer's. */
export async function findMessageGroup(
  table: Table,
  viewer: User,
  messageGroupId: string,
  options?: ReadOptions,
): Promise<AccessibleGroup | undefined> {
  try {
    return await accessMessageGroup(table, viewer, messageGroupId, options);
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

async function accessLog(
  viewer: User,
  messageGroupId: string,
  read: (mayRead: (profile: MessageGroupProfile) => boolean) => Promise<Stretch>,
): Promise<AccessibleLog> {
  checkMessageGroupId(messageGroupId);
  const mayRead = ({ memberIds }: MessageGroupProfile) => memberIds.includes(viewer.id);
  const { profile, ...stretch } = await read(mayRead);
  if (!profile || !mayRead(profile)) throw messageGroupNotFound();
  return { profile, ...stretch };
}

/**
 * Refuses an id that no group can have, which would do as part of no key.
 *
 * @throws NotFoundError as for a group that does not exist
 */
export function checkMessageGroupId(messageGroupId: string): void {
  if (!isUuid(messageGroupId)) throw messageGroupNotFound();
}

/** The one answer for "does not exist" and "not yours". */
export function messageGroupNotFound(): NotFoundError {
  return new NotFoundError('There is no such message group.');
}
