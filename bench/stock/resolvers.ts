import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type DataLoader from 'dataloader';
import type pg from 'pg';
import { decodeCursor, encodeCursor, messagesList } from '../../src/table/cursors.ts';
import { send } from './send.ts';
import { listInbox, type MessageItem, readNewer, readNewest, readOlder, type SummaryItem } from './table.ts';

/** A person as a row of Postgres. */
export interface PersonRow {
  readonly id: string;
  readonly handle: string;
  readonly displayName: string;
}

export interface StockContext {
  readonly viewer: PersonRow;
  readonly documents: DynamoDBDocumentClient;
  readonly pool: pg.Pool;
  readonly people: DataLoader<string, PersonRow | undefined>;
}

interface PageArguments {
  readonly messageGroupId: string;
  readonly first?: number;
  readonly after?: string;
  readonly last?: number;
  readonly before?: string;
}

/** Resolvers of the fields that the benchmark asks for. */
export const resolvers = {
  Query: {
    messages: async (_: unknown, { messageGroupId, ...page }: PageArguments, { documents, viewer }: StockContext) => {
      const list = messagesList(messageGroupId);
      const start = page.before ?? page.after;
      const sequence = start === undefined ? undefined : Number(decodeCursor(list, start));
      const read = sequence === undefined ? readNewest : page.before === undefined ? readOlder : readNewer;
      const limit = page.first ?? page.last ?? 20;
      const messages = await read(documents, viewer.id, messageGroupId, limit, sequence ?? 0);
      return connectionOf(messages, (message) => encodeCursor(list, String(message.sequence)), {
        hasNextPage: (messages.at(-1)?.sequence ?? 1) > 1,
        hasPreviousPage: page.before !== undefined && messages.length === limit,
      });
    },
    messageGroups: async (
      _: unknown,
      { first }: { first: number | undefined },
      { documents, viewer }: StockContext,
    ) => {
      const limit = first ?? 20;
      const summaries = await listInbox(documents, viewer.id, limit + 1);
      const cursorOf = ({ activityKey }: SummaryItem) => Buffer.from(activityKey).toString('base64url');
      return connectionOf(summaries.slice(0, limit), cursorOf, {
        hasNextPage: summaries.length > limit,
        hasPreviousPage: false,
      });
    },
  },
  Mutation: { createMessage: send },
  Message: {
    sender: ({ senderId }: MessageItem, _: unknown, { people }: StockContext) => people.load(senderId),
  },
  MessageGroup: {
    id: ({ sk }: SummaryItem) => sk.slice('GRP#'.length),
    kind: ({ memberIds }: SummaryItem) => (memberIds.length === 2 ? 'DIRECT' : 'GROUP'),
    members: ({ memberIds }: SummaryItem, _: unknown, { people }: StockContext) => people.loadMany([...memberIds]),
    messageCount: ({ lastMessage }: SummaryItem) => lastMessage.sequence,
    unreadCount: ({ lastMessage, readSequence }: SummaryItem) => Math.max(0, lastMessage.sequence - readSequence),
  },
};

function connectionOf<Node>(
  nodes: readonly Node[],
  cursorOf: (node: Node) => string,
  more: { readonly hasNextPage: boolean; readonly hasPreviousPage: boolean },
) {
  const edges = nodes.map((node) => ({ cursor: cursorOf(node), node }));
  return {
    edges,
    pageInfo: { ...more, startCursor: edges[0]?.cursor ?? null, endCursor: edges.at(-1)?.cursor ?? null },
  };
}
