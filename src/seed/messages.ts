import { createMessage } from '../messaging/create-message.ts';
import { messageGroupIdOf } from '../messaging/destination.ts';
import type { Messaging } from '../messaging/messaging.ts';
import type { User } from '../model.ts';
import { getMessage, readNewest } from '../table/log.ts';
import { advanceReadSequence, advanceSummary } from '../table/summaries.ts';
import { SEED_CONVERSATIONS, type SeedConversation } from './conversations.ts';

/** How many messages the seed has. */
export const SEED_MESSAGES = SEED_CONVERSATIONS.reduce((sum, { messages }) => sum + messages.length, 0);

/**
 * Writes the conversations of the seed as their people would have. Running it again adds only what is missing.
 *
 * @param onMessages told of messages that are in the table
 */
export async function seedMessages(
  messaging: Messaging,
  onMessages: (count: number) => void = () => {},
): Promise<void> {
  await Promise.all(SEED_CONVERSATIONS.map((conversation) => seedConversation(messaging, conversation, onMessages)));
}

/** The id of the first conversation: the one to show. */
export async function firstMessageGroupId(messaging: Messaging): Promise<string> {
  const [conversation] = SEED_CONVERSATIONS;
  if (!conversation) throw new Error('The seed has no conversation');
  return messageGroupIdOf([...(await membersOf(messaging, conversation)).values()].map(({ id }) => id));
}

async function seedConversation(
  messaging: Messaging,
  conversation: SeedConversation,
  onMessages: (count: number) => void,
): Promise<void> {
  const { table } = messaging;
  const members = await membersOf(messaging, conversation);
  const messageGroupId = messageGroupIdOf([...members.values()].map(({ id }) => id));
  const written = (await readNewest(table, messageGroupId, 1, { consistent: true })).messages.at(-1)?.sequence ?? 0;
  onMessages(written);
  const start = Date.now();
  for (const { from, minutesAgo, body } of conversation.messages.slice(written)) {
    const result = await createMessage({ ...messaging, now: () => start - minutesAgo * 60_000 }, known(members, from), {
      to: { recipientHandles: conversation.members.filter((handle) => handle !== from) },
      body,
    });
    if ('userErrors' in result)
      throw new Error(`The seed has a message that can't be sent: ${JSON.stringify(result.userErrors)}`);
    onMessages(1);
  }
  const { length } = conversation.messages;
  const { profile } = await readNewest(table, messageGroupId, 1, { consistent: true });
  const last = await getMessage(table, messageGroupId, length);
  if (!last || !profile) throw new Error(`Message ${length} of the seed is missing`);
  for (const [handle, { id }] of members) {
    await advanceSummary(table, id, profile, last, undefined);
    await advanceReadSequence(table, id, messageGroupId, length - (conversation.unread[handle] ?? 0));
  }
}

async function membersOf(
  { findUsersByHandle }: Messaging,
  { members }: SeedConversation,
): Promise<ReadonlyMap<string, User>> {
  const users = new Map((await findUsersByHandle(members)).map((user) => [user.handle, user]));
  return new Map(members.map((handle) => [handle, known(users, handle)]));
}

function known(users: ReadonlyMap<string, User>, handle: string): User {
  const user = users.get(handle);
  if (!user) throw new Error(`The seed has messages of ${handle}, but no such person`);
  return user;
}
