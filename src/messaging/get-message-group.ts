import type { MessageGroup, User } from '../model.ts';
import { getSummary } from '../table/summaries.ts';
import type { ReadOptions } from '../table/table.ts';
import { type AccessibleGroup, accessMessageGroup, checkMembership } from './access.ts';
import type { Messaging } from './messaging.ts';
import { readSequenceOf } from './read-sequence.ts';

/**
 * Reads one group from its log: a Query, and a GetItem of the viewer's summary at the same time.
 *
 * @throws NotFoundError if there is no such group among the viewer's
 */
export async function getMessageGroup(
  { table }: Messaging,
  viewer: User,
  messageGroupId: string,
  options?: ReadOptions,
): Promise<MessageGroup> {
  // A non-member's request reads no summary.
  await checkMembership(table, viewer, messageGroupId, options);
  const [group, summary] = await Promise.all([
    accessMessageGroup(table, viewer, messageGroupId, options),
    getSummary(table, viewer.id, messageGroupId, options),
  ]);
  return messageGroupOf(group, readSequenceOf(viewer, summary?.readSequence ?? 0, group.lastMessage));
}

/** The viewer's view of a group that was read from its log. */
export function messageGroupOf(
  { profile, lastMessage, lastSequence }: AccessibleGroup,
  readSequence: number,
): MessageGroup {
  const { id, memberIds, createdAt } = profile;
  return { id, memberIds, createdAt, lastMessage, lastSequence, readSequence };
}
