import { createMessage, type MessageDestination } from '../../messaging/create-message.ts';
import { listMessages } from '../../messaging/list-messages.ts';
import { pageInfo } from '../connections.ts';
import type { MessageDestination as DestinationInput, Resolvers } from '../generated/resolver-types.ts';

export const messageResolvers = {
  Query: {
    messages: (_, args, { messaging, viewer }) => listMessages(messaging, viewer, args),
  },
  Mutation: {
    createMessage: (_, { input }, { messaging, viewer }) =>
      createMessage(messaging, viewer, { ...input, to: destination(input.to) }),
  },
  Message: {
    sender: ({ senderId }, _, { loaders }) => loaders.user(senderId),
  },
  MessageConnection: { pageInfo },
  CreateMessagePayload: {
    message: (result) => ('message' in result ? result.message : null),
    messageGroup: (result) => ('message' in result ? result.messageGroup : null),
    deduplicated: (result) => 'message' in result && result.deduplicated,
    userErrors: (result) => ('userErrors' in result ? result.userErrors : []),
  },
} satisfies Resolvers;

/** `@oneOf` has seen to it that exactly one is given. */
function destination({ messageGroupId, recipientHandles }: DestinationInput): MessageDestination {
  return messageGroupId != null ? { messageGroupId } : { recipientHandles: recipientHandles ?? [] };
}
