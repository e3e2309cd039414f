import { createMessage, type MessageDestination } from '../../messaging/create-message.ts';
import { normalizeId } from '../../messaging/ids.ts';
import { listMessages } from '../../messaging/list-messages.ts';
import { previewOf } from '../../model.ts';
import { pageInfo } from '../connections.ts';
import type { MessageDestination as DestinationInput, Resolvers } from '../generated/resolver-types.ts';

export const messageResolvers = {
  Query: {
    messages: (_, args, { messaging, viewer }) =>
      listMessages(messaging, viewer, { ...args, messageGroupId: normalizeId(args.messageGroupId) }),
  },
  Mutation: {
    createMessage: (_, { input }, { messaging, viewer }) =>
      createMessage(messaging, viewer, { ...input, to: destination(input.to) }),
  },
  Message: {
    body: ({ messageGroupId, sequence, body, bodyMayBeCut }, _, { loaders }) =>
      bodyMayBeCut ? loaders.message(messageGroupId, sequence).then((message) => message?.body ?? body) : body,
    preview: ({ body }) => previewOf(body),
    sender: ({ senderId }, _, { loaders }) => loaders.user(senderId),
    clientMessageId: ({ senderId, clientMessageId }, _, { viewer }) =>
      senderId === viewer.id ? (clientMessageId ?? null) : null,
  },
  MessageConnection: { pageInfo },
  CreateMessagePayload: {
    message: (result) => ('message' in result ? { ...result.message, messageGroupId: result.messageGroup.id } : null),
    messageGroup: (result) => ('message' in result ? result.messageGroup : null),
    deduplicated: (result) => 'message' in result && result.deduplicated,
    userErrors: (result) => ('userErrors' in result ? result.userErrors : []),
  },
} satisfies Resolvers;

/** `@oneOf` makes sure that exactly one is given. */
function destination({ messageGroupId, recipientHandles, recipientIds }: DestinationInput): MessageDestination {
  if (messageGroupId != null) return { messageGroupId: normalizeId(messageGroupId) };
  return recipientIds != null ? { recipientIds } : { recipientHandles: recipientHandles ?? [] };
}
