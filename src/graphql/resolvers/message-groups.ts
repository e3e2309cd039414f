import { getMessageGroup } from '../../messaging/get-message-group.ts';
import { normalizeId } from '../../messaging/ids.ts';
import { listMessageGroups } from '../../messaging/list-message-groups.ts';
import { markMessageGroupRead } from '../../messaging/mark-message-group-read.ts';
import { messageGroupWith } from '../../messaging/message-group-with.ts';
import { kindOf, mayBePreview, type User, unreadCount } from '../../model.ts';
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
    lastMessage: ({ id, lastMessage }) => ({
      ...lastMessage,
      messageGroupId: id,
      bodyMayBeCut: mayBePreview(lastMessage.body),
    }),
    members: ({ id, memberIds }, _, { loaders }) => {
      const users = (ids: readonly string[]) => {
        const members = ids.map((each) => loaders.user(each));
        return members.every(isThere) ? present(members) : Promise.all(members).then(present);
      };
      return memberIds ? users(memberIds) : loaders.profile(id).then((profile) => users(profile?.memberIds ?? []));
    },
    messageCount: ({ lastSequence }) => lastSequence,
    unreadCount: ({ lastSequence, readSequence }) => unreadCount(lastSequence, readSequence),
    // A profile that cannot be read must not fail the inbox. The group is at least as old as its newest message.
    createdAt: async ({ id, createdAt, lastMessage }, _, { loaders }) =>
      createdAt ?? (await loaders.profile(id))?.createdAt ?? lastMessage.createdAt,
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
