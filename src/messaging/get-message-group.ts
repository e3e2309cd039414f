import type { MessageGroup, User } from '../model.ts';
import type { ReadOptions } from '../table/log.ts';
import { getSummary } from '../table/summaries.ts';
import { type AccessibleGroup, accessMessageGroup, checkMessageGroupId } from './access.ts';
import type { Messaging } from './messaging.ts';
import { readSequenceOf } from './read-sequence.ts';

/**
 * One group, fresh from its log: a Query and a GetItem, side by side.
 *
 * @throws NotFoundError when there is no such group among the viewer's
 */
export async function getMessageGroup(
  { table }: Messaging,
  viewer: User,
  messageGroupId: string,
  options?: ReadOptions,
): Promise<MessageGroup> {
  // The summary is asked for under this id without waiting for the group.
  checkMessageGroupId(messageGroupId);
  const [group, summary] = await Promise.all([
    accessMessageGroup(table, viewer, messageGroupId, options),
    getSummary(table, viewer.id, messageGroupId, options),
  ]);
  return messageGroupOf(group, readSequenceOf(viewer, summary?.readSequence ?? 0, group.lastMessage));
}

/** The viewer's view of a group that was read from its log. */
export function messageGroupOf({ profile, lastMessage }: AccessibleGroup, readSequence: number): MessageGroup {
  return { id: profile.id, memberIds: profile.memberIds, createdAt: profile.createdAt, lastMessage, readSequence };
}
