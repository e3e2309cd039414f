import { randomUUID } from 'node:crypto';
import { createMessage } from '../../src/messaging/create-message.ts';
import { messageGroupIdOf } from '../../src/messaging/destination.ts';
import type { User } from '../../src/model.ts';
import type { Table } from '../../src/table/table.ts';
import { keepSecret } from '../logs/collect.ts';
import { MESSAGE_BODY } from '../logs/search.ts';

/** People of no directory: enough for what works on the table alone. */
export function users(count: number): User[] {
  return Array.from({ length: count }, (_, index) => {
    const id = randomUUID();
    return { id, handle: id.replaceAll('-', '').slice(0, 30), displayName: `Person ${index}` };
  });
}

/** The id of the group of these people. */
export function groupIdOf(members: readonly User[]): string {
  return messageGroupIdOf(members.map(({ id }) => id));
}

/** Sends into the group of these people, which is started if need be. @returns the message's sequence */
export async function sendAs(table: Table, members: readonly User[], sender: User, body: string): Promise<number> {
  keepSecret(MESSAGE_BODY, body);
  const findUsersByHandle = async (handles: readonly string[]) =>
    members.filter(({ handle }) => handles.includes(handle));
  const recipientHandles = members.filter(({ id }) => id !== sender.id).map(({ handle }) => handle);
  const result = await createMessage({ table, findUsersByHandle, now: Date.now }, sender, {
    to: { recipientHandles },
    body,
  });
  if ('userErrors' in result) throw new Error(JSON.stringify(result.userErrors));
  return result.message.sequence;
}
