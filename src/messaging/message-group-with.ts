import { NotFoundError } from '../errors.ts';
import type { MessageGroup, User } from '../model.ts';
import { messageGroupIdOf, resolveMembers } from './destination.ts';
import { getMessageGroup } from './get-message-group.ts';
import type { Messaging } from './messaging.ts';

/**
 * Returns the group of the viewer and the people with these handles: the one that `createMessage` sends to. Returns null if it has no
 * message yet, or if `createMessage` refuses the handles. It never starts a group.
 */
export async function messageGroupWith(
  messaging: Messaging,
  viewer: User,
  recipientHandles: readonly string[],
): Promise<MessageGroup | null> {
  const members = await resolveMembers(messaging, viewer, { recipientHandles });
  if ('errors' in members) return null;
  try {
    return await getMessageGroup(messaging, viewer, messageGroupIdOf(members.memberIds));
  } catch (error) {
    if (error instanceof NotFoundError) return null;
    throw error;
  }
}
