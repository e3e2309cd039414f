import { DeleteCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { type Key, messageKey, profileKey, summaryKey } from '../../src/table/keys.ts';
import type { Table } from '../../src/table/table.ts';

/** Sets attributes of an item, as an operator would by hand. */
export async function setAttributes(table: Table, key: Key, attributes: Readonly<Record<string, unknown>>) {
  const entries = Object.entries(attributes);
  await table.client.send(
    new UpdateCommand({
      TableName: table.name,
      Key: key,
      UpdateExpression: `SET ${entries.map((_, index) => `#${index} = :${index}`).join(', ')}`,
      ExpressionAttributeNames: Object.fromEntries(entries.map(([name], index) => [`#${index}`, name])),
      ExpressionAttributeValues: Object.fromEntries(entries.map(([, value], index) => [`:${index}`, value])),
    }),
  );
}

/** Sets attributes of a member's summary of a group. */
export function setSummary(table: Table, userId: string, messageGroupId: string, attributes: object) {
  return setAttributes(table, summaryKey(userId, messageGroupId), attributes as Record<string, unknown>);
}

/** Deletes messages of a group by hand. */
export async function deleteMessages(table: Table, messageGroupId: string, ...sequences: readonly number[]) {
  for (const sequence of sequences)
    await table.client.send(new DeleteCommand({ TableName: table.name, Key: messageKey(messageGroupId, sequence) }));
}

/** Puts messages in the place of others, or beside them, that cannot be read: they have no body. */
export async function spoilMessages(table: Table, messageGroupId: string, ...sequences: readonly number[]) {
  for (const sequence of sequences) {
    const Item = { ...messageKey(messageGroupId, sequence), sequence, text: 'no body' };
    await table.client.send(new PutCommand({ TableName: table.name, Item }));
  }
}

/** Makes a group's profile one that cannot be read. */
export function spoilProfile(table: Table, messageGroupId: string) {
  return setAttributes(table, profileKey(messageGroupId), { memberIds: 'nobody' });
}
