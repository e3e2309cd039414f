import { getMessageGroup } from '../../messaging/get-message-group.ts';
import { normalizeId } from '../../messaging/ids.ts';
import { listMessageGroups } from '../../messaging/list-message-groups.ts';
import { markMessageGroupRead } from '../../messaging/mark-message-group-read.ts';
import { messageGroupWith } from '../../messaging/message-group-with.ts';
import { kindOf, type User, unreadCount } from '../../model.ts';
import { pageInfo } from '../connections.ts';
import type { Resolvers } from '../generated/resolver-types.ts';

export const messageGroupResolvers = {
  Query: {
    messageGroup: (_, { id }, { messaging, viewer }) => getMessageGroup(messaging, viewer, normalizeId(id)),
    messageGroupWith: (_, { handles }, { messaging, viewer }) => messageGroupWith(messaging, viewer, handles),
    messageGroups: (_, page, { messaging, viewer }) => listMessageGroups(messaging, viewer, page),
  },
  Mutation: {
    markMessageGroupRead: (_, { input }, { messaging, viewer }) =>
      markMessageGroupRead(messaging, viewer, { ...input, messageGroupId: normalizeId(input.messageGroupId) }),
  },
  MessageGroup: {
    kind: ({ memberIds }) => kindOf(memberIds),
    lastMessage: ({ id, lastMessage }) => ({ ...lastMessage, messageGroupId: id }),
    members: ({ memberIds }, _, { loaders }) => {
      const members = memberIds.map((id) => loaders.user(id));
      return members.every(isThere) ? present(members) : Promise.all(members).then(present);
    },
    messageCount: ({ lastMessage }) => lastMessage.sequence,
    unreadCount: ({ lastMessage, readSequence }) => unreadCount(lastMessage.sequence, readSequence),
    createdAt: async ({ id, createdAt }, _, { loaders }) => {
      if (createdAt !== undefined) return createdAt;
      const profile = await loaders.profile(id);
      if (!profile) throw new Error(`Group ${id} has a summary, but no profile`);
      return profile.createdAt;
    },
  },
  MessageGroupConnection: { pageInfo },
  MarkMessageGroupReadPayload: {
    messageGroup: (result) => ('messageGroup' in result ? result.messageGroup : null),
    userErrors: (result) => ('userErrors' in result ? result.userErrors : []),
  },
} satisfies Resolvers;

function isThere(member: User | null | Promise<User | null>): member is User | null {
  return !(member instanceof Promise);
}

/** Without the accounts that are gone. */
function present(members: readonly (User | null)[]): User[] {
  return members.filter((member) => member !== null);
}
