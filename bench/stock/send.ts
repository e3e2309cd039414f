import { createHash, randomUUID } from 'node:crypto';
import { ConditionalCheckFailedException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, PutCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { messageGroupIdOf } from '../../src/messaging/destination.ts';
import { kindOf, type Message } from '../../src/model.ts';
import { messageItem, profileItem, sentBeforeItem, storedMessage, summaryItem } from '../../src/table/items.ts';
import type { PersonRow, StockContext } from './resolvers.ts';
import { readNewest, TABLE_NAME } from './table.ts';

interface SendArguments {
  readonly input: {
    readonly to: { readonly messageGroupId?: string; readonly recipientHandles?: readonly string[] };
    readonly body: string;
    readonly clientMessageId?: string;
  };
}

const IS_NEW = { ConditionExpression: 'attribute_not_exists(pk)' };
const DAY_SECONDS = 86_400;

/** Resolves `createMessage`: into a group, or to people who have no group yet. */
export async function send(_: unknown, { input }: SendArguments, { viewer, documents, pool }: StockContext) {
  const { to, body, clientMessageId } = input;
  const draft = { id: randomUUID(), senderId: viewer.id, body, ...(clientMessageId && { clientMessageId }) };
  if (to.messageGroupId !== undefined) {
    const message = await append(documents, to.messageGroupId, draft);
    return payloadOf(to.messageGroupId, message);
  }
  const { rows } = await pool.query<PersonRow>('SELECT id FROM users WHERE lower(handle) = ANY($1::text[])', [
    to.recipientHandles?.map((handle) => handle.toLowerCase()),
  ]);
  const memberIds = [viewer.id, ...rows.map(({ id }) => id)].sort();
  const message = { ...draft, sequence: 1, createdAt: new Date().toISOString() };
  await start(documents, memberIds, message);
  return payloadOf(messageGroupIdOf(memberIds), message);
}

/** Puts a message after the newest one, and again when another sender was faster. */
async function append(
  documents: DynamoDBDocumentClient,
  groupId: string,
  draft: Omit<Message, 'sequence' | 'createdAt'>,
): Promise<Message> {
  for (;;) {
    const [newest] = await readNewest(documents, draft.senderId, groupId, 1, 0);
    const message = { ...draft, sequence: (newest?.sequence ?? 0) + 1, createdAt: new Date().toISOString() };
    try {
      await documents.send(putOf(groupId, message));
      return message;
    } catch (error) {
      const isTaken = error instanceof ConditionalCheckFailedException || error instanceof TransactionCanceledException;
      if (!isTaken || isSentBefore(error)) throw error;
    }
  }
}

/** Whether the client sent this `clientMessageId` before, which the benchmark never does. */
function isSentBefore(error: ConditionalCheckFailedException | TransactionCanceledException): boolean {
  if (error instanceof ConditionalCheckFailedException) return false;
  return error.CancellationReasons?.[1]?.Code === 'ConditionalCheckFailed';
}

function putOf(groupId: string, message: Message): PutCommand {
  const put = { TableName: TABLE_NAME, Item: messageItem(groupId, message), ...IS_NEW };
  const { id: messageId, sequence, senderId, body, clientMessageId } = message;
  if (clientMessageId === undefined) return new PutCommand(put);
  const bodyHash = createHash('sha256').update(body).digest('base64');
  const record = { messageId, sequence, bodyHash, expiresAt: Math.floor(Date.now() / 1000) + DAY_SECONDS };
  const Item = sentBeforeItem(groupId, senderId, clientMessageId, record);
  const transaction = { TransactItems: [{ Put: put }, { Put: { TableName: TABLE_NAME, Item, ...IS_NEW } }] };
  return new TransactWriteCommand(transaction) as unknown as PutCommand;
}

async function start(documents: DynamoDBDocumentClient, memberIds: string[], message: Message): Promise<void> {
  const id = messageGroupIdOf(memberIds);
  const profile = { id, kind: kindOf(memberIds), memberIds, createdAt: message.createdAt };
  const stored = storedMessage(message);
  await documents.send(
    new TransactWriteCommand({
      TransactItems: [
        { Put: { TableName: TABLE_NAME, Item: messageItem(id, message), ...IS_NEW } },
        { Put: { TableName: TABLE_NAME, Item: profileItem(profile), ...IS_NEW } },
        ...memberIds.map((memberId) => ({
          Put: {
            TableName: TABLE_NAME,
            Item: unmarshall(summaryItem(memberId, profile, stored, memberId === message.senderId ? 1 : 0)),
          },
        })),
      ],
    }),
  );
}

function payloadOf(groupId: string, message: Message) {
  const messageGroup = { sk: `GRP#${groupId}`, memberIds: [], lastMessage: message, readSequence: message.sequence };
  return { message, messageGroup, deduplicated: false, userErrors: [] };
}
