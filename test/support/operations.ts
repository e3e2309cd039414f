import { expect } from 'vitest';
import type { TestApi } from './api.ts';
import type { Person } from './people.ts';

/** The operations that tests use most, as a client would spell them. */

export interface MessageNode {
  readonly id: string;
  readonly sequence: number;
  readonly body: string;
  readonly createdAt: string;
}

export interface Connection<Node> {
  readonly edges: readonly { readonly cursor: string; readonly node: Node }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

export interface CreateMessagePayload {
  readonly message: MessageNode | null;
  readonly messageGroup: { readonly id: string; readonly messageCount: number } | null;
  readonly deduplicated: boolean;
  readonly userErrors: readonly { readonly code: string; readonly message: string; readonly path: readonly string[] }[];
}

export const CREATE_MESSAGE = `mutation ($input: CreateMessageInput!) {
  createMessage(input: $input) {
    message { id sequence body createdAt }
    messageGroup { id messageCount }
    deduplicated
    userErrors { code message path }
  }
}`;

export const MESSAGES = `query ($messageGroupId: ID!, $first: Int, $after: String, $last: Int, $before: String) {
  messages(messageGroupId: $messageGroupId, first: $first, after: $after, last: $last, before: $before) {
    edges { cursor node { id sequence body createdAt } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;

export interface Destination {
  readonly messageGroupId?: string;
  readonly recipientHandles?: readonly string[];
  readonly recipientIds?: readonly string[];
}

/** Sends, whatever comes of it. */
export async function createMessage(
  api: TestApi,
  person: Person,
  to: Destination,
  body = 'hello',
  clientMessageId?: string,
): Promise<CreateMessagePayload> {
  return (await api.ask(person, CREATE_MESSAGE, { input: { to, body, clientMessageId } })).createMessage;
}

/** Sends, and expects that it succeeds. */
export async function send(
  api: TestApi,
  person: Person,
  to: Destination,
  body?: string,
  clientMessageId?: string,
): Promise<{ message: MessageNode; messageGroupId: string; deduplicated: boolean }> {
  const { message, messageGroup, deduplicated, userErrors } = await createMessage(
    api,
    person,
    to,
    body,
    clientMessageId,
  );
  expect(userErrors).toEqual([]);
  if (!message || !messageGroup) throw new Error('A payload without errors has a message and its group');
  return { message, messageGroupId: messageGroup.id, deduplicated };
}

/** Starts a group of these people by a message of the first. */
export async function startGroup(api: TestApi, people: readonly Person[], body?: string): Promise<string> {
  const [first, ...others] = people;
  if (!first) throw new Error('A group needs people');
  return (await send(api, first, { recipientHandles: others.map(({ handle }) => handle) }, body)).messageGroupId;
}

export async function listMessages(
  api: TestApi,
  person: Person,
  args: { messageGroupId: string; first?: number; after?: string; last?: number; before?: string },
): Promise<Connection<MessageNode>> {
  return (await api.ask(person, MESSAGES, args)).messages;
}
