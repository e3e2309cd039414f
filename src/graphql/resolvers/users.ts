import { peopleSearch } from '../../users/search.ts';
import type { Resolvers } from '../generated/resolver-types.ts';

export const userResolvers = {
  Query: {
    viewer: (_, __, { viewer }) => viewer,
    user: (_, { handle }, { loaders }) => loaders.userByHandle(handle),
    users: (_, { search, first }, { directory, viewer }) => directory.search(peopleSearch(search, first, viewer.id)),
  },
} satisfies Resolvers;
