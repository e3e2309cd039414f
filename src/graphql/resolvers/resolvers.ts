import type { Resolvers } from '../generated/resolver-types.ts';
import { messageGroupResolvers } from './message-groups.ts';
import { messageResolvers } from './messages.ts';
import { userResolvers } from './users.ts';

/** The resolvers of the whole schema, one part for each of its files. */
export const resolvers: Resolvers = {
  ...userResolvers,
  ...messageGroupResolvers,
  ...messageResolvers,
  Query: { ...userResolvers.Query, ...messageGroupResolvers.Query, ...messageResolvers.Query },
  Mutation: { ...messageGroupResolvers.Mutation, ...messageResolvers.Mutation },
};
