import { readdirSync, readFileSync } from 'node:fs';
import { buildSchema, Kind, lexicographicSortSchema, parse, printSchema } from 'graphql';
import { expect, test } from 'vitest';

const FOLDER = new URL('../../schema/', import.meta.url);
const MERGED = 'schema.graphql';

const contract = readFileSync(new URL(MERGED, FOLDER), 'utf8');

test('the published schema holds what all files of the folder hold, with their descriptions', () => {
  const sources = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.graphql') && name !== MERGED)
    .map((name) => readFileSync(new URL(name, FOLDER), 'utf8'));

  const merged = buildSchema(sources.join('\n'));

  expect(sources.length).toBeGreaterThan(3);
  expect(printSchema(buildSchema(contract))).toBe(printSchema(lexicographicSortSchema(merged)));
});

test('the published schema extends nothing, which relay-compiler takes for extensions by the client', () => {
  const { definitions } = parse(contract);
  const queries = definitions.filter(
    (each) => each.kind === Kind.OBJECT_TYPE_DEFINITION && each.name.value === 'Query',
  );

  expect(definitions.filter(({ kind }) => kind.endsWith('Extension'))).toEqual([]);
  expect(queries).toHaveLength(1);
});
