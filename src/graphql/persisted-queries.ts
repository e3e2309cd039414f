import type { ApolloServerPlugin } from '@apollo/server';
import type { Context } from './context.ts';

/**
 * Replaces a persisted query's hash that is no string by one that no query has. Apollo Server takes any JSON, and an object with a property
 * `toString` would end as an error of ours.
 */
export const persistedQueryHashes: ApolloServerPlugin<Context> = {
  requestDidStart: async ({ request: { extensions } }) => {
    const persisted: unknown = extensions?.['persistedQuery'];
    if (typeof persisted !== 'object' || persisted === null || !('sha256Hash' in persisted)) return;
    if (typeof persisted.sha256Hash !== 'string') persisted.sha256Hash = '';
  },
};
