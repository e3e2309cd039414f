import { readdirSync, readFileSync } from 'node:fs';
import { makeExecutableSchema } from '@graphql-tools/schema';
import type { GraphQLSchema } from 'graphql';
import { resolvers } from './resolvers/resolvers.ts';

const FOLDER = new URL('../../schema/', import.meta.url);

/** The public contract, from the files of `schema/`, with its resolvers. */
export function createSchema(): GraphQLSchema {
  const files = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.graphql'))
    .sort();
  const typeDefs = files.map((name) => readFileSync(new URL(name, FOLDER), 'utf8'));
  return makeExecutableSchema({
    typeDefs,
    resolvers,
    resolverValidationOptions: { requireResolversToMatchSchema: 'error' },
  });
}
