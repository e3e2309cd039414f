import { randomUUID } from 'node:crypto';
import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import { createMessage } from '../../src/messaging/create-message.ts';
import { messageGroupIdOf } from '../../src/messaging/destination.ts';
import type { User } from '../../src/model.ts';
import { messageItem } from '../../src/table/items.ts';
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
  const result = await createMessage(
    { table, findUsersByHandle, findUsersById: async () => [], now: Date.now },
    sender,
    {
      to: { recipientHandles },
      body,
    },
  );
  if ('userErrors' in result) throw new Error(JSON.stringify(result.userErrors));
  return result.message.sequence;
}

/** Writes these numbers of a group's log at once. */
export async function putMessages(
  table: Table,
  messageGroupId: string,
  sender: User,
  first: number,
  last: number,
  body = (sequence: number) => `${sequence}`,
): Promise<void> {
  const puts = Array.from({ length: last - first + 1 }, (_, index) => {
    const sequence = first + index;
    const message = {
      id: randomUUID(),
      sequence,
      senderId: sender.id,
      body: body(sequence),
      createdAt: new Date().toISOString(),
    };
    return { PutRequest: { Item: messageItem(messageGroupId, message) } };
  });
  while (puts.length > 0) {
    await table.client.send(new BatchWriteCommand({ RequestItems: { [table.name]: puts.splice(0, 25) } }));
  }
}
