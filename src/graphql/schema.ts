import { readFileSync } from 'node:fs';
import { makeExecutableSchema } from '@graphql-tools/schema';
import type { GraphQLSchema } from 'graphql';
import { projectFile } from '../project-files.ts';
import { resolvers } from './resolvers/resolvers.ts';

/** All files of `schema/` merged, as `npm run generate` writes them. */
const CONTRACT = projectFile('schema/schema.graphql');

/** Makes the public contract executable by its resolvers. */
export function createSchema(): GraphQLSchema {
  return makeExecutableSchema({
    typeDefs: readFileSync(CONTRACT, 'utf8'),
    resolvers,
    resolverValidationOptions: { requireResolversToMatchSchema: 'error' },
  });
}
