import type { Message, User } from '../model.ts';

/**
 * How far the viewer has read, as the viewer should see it: sending marks as read, also before the worker has
 * written so to the summary.
 */
export function readSequenceOf(viewer: User, stored: number, lastMessage: Message): number {
  return lastMessage.senderId === viewer.id ? Math.max(stored, lastMessage.sequence) : stored;
}
