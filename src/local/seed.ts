import { readFile } from 'node:fs/promises';
import type pg from 'pg';
import { createMessage } from '../messaging/create-message.ts';
import { messageGroupIdOf } from '../messaging/destination.ts';
import type { Messaging } from '../messaging/messaging.ts';
import type { User } from '../model.ts';
import { projectFile } from '../project-files.ts';
import { getMessage, readNewest } from '../table/log.ts';
import { advanceReadSequence, advanceSummary } from '../table/summaries.ts';
import { SEED_CONVERSATIONS, type SeedConversation } from './seed-conversations.ts';

const FOLDER = projectFile('db/');

/** Makes the directory's table and fills in the people of the seed. Running it again changes nothing. */
export async function seedDirectory(pool: pg.Pool): Promise<void> {
  for (const file of ['schema.sql', 'seed.sql']) {
    await pool.query(await readFile(new URL(file, FOLDER), 'utf8'));
  }
}

/** Writes the conversations of the seed as their people would have. Running it again adds only what is missing. */
export async function seedMessages(messaging: Messaging): Promise<void> {
  await Promise.all(SEED_CONVERSATIONS.map((conversation) => seedConversation(messaging, conversation)));
}

/** The id of the first conversation: the one to show. */
export async function firstMessageGroupId(messaging: Messaging): Promise<string> {
  const [conversation] = SEED_CONVERSATIONS;
  if (!conversation) throw new Error('The seed has no conversation');
  return messageGroupIdOf([...(await membersOf(messaging, conversation)).values()].map(({ id }) => id));
}

async function seedConversation(messaging: Messaging, conversation: SeedConversation): Promise<void> {
  const { table } = messaging;
  const members = await membersOf(messaging, conversation);
  const messageGroupId = messageGroupIdOf([...members.values()].map(({ id }) => id));
  const written = (await readNewest(table, messageGroupId, 1, { consistent: true })).messages.at(-1)?.sequence ?? 0;
  const start = Date.now();
  for (const { from, minutesAgo, body } of conversation.messages.slice(written)) {
    const result = await createMessage({ ...messaging, now: () => start - minutesAgo * 60_000 }, known(members, from), {
      to: { recipientHandles: conversation.members.filter((handle) => handle !== from) },
      body,
    });
    if ('userErrors' in result)
      throw new Error(`The seed has a message that can't be sent: ${JSON.stringify(result.userErrors)}`);
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
