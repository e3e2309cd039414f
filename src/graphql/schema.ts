import { readdirSync, readFileSync } from 'node:fs';
import { makeExecutableSchema } from '@graphql-tools/schema';
import type { GraphQLSchema } from 'graphql';
import { projectFile } from '../project-files.ts';
import { resolvers } from './resolvers/resolvers.ts';

const FOLDER = projectFile('schema/');

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
