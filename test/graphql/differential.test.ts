import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import {
  type DocumentNode,
  type ExecutionResult,
  execute,
  GraphQLError,
  GraphQLList,
  type GraphQLOutputType,
  type GraphQLSchema,
  getOperationAST,
  isListType,
  isNonNullType,
  isObjectType,
  type OperationDefinitionNode,
  parse,
  print,
  separateOperations,
  validate,
} from 'graphql';
import type pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { type Context, createContext } from '../../src/graphql/context.ts';
import { formatError } from '../../src/graphql/errors.ts';
import { createSchema } from '../../src/graphql/schema.ts';
import { observeCalls, type Table } from '../../src/table/table.ts';
import { directoryBreaker } from '../../src/users/breaker.ts';
import { openDirectory } from '../../src/users/directory.ts';
import { observeDirectory } from '../../src/users/observe.ts';
import { cacheUsers } from '../../src/users/user-cache.ts';
import { anApi, type TestApi, useApi } from '../support/api.ts';
import { countCompilations } from '../support/compilations.ts';
import { tellFigures } from '../support/figures.ts';
import { listMessages, send, startGroup } from '../support/operations.ts';
import type { Person } from '../support/people.ts';
import { type RandomRequest, randomRequest } from '../support/random-documents.ts';

useApi();

/** CI compares 2,000. Set DIFFERENTIAL_DOCUMENTS for more documents, and DIFFERENTIAL_SEED to the seed of a failure to see it again. */
const DOCUMENTS = Number(process.env['DIFFERENTIAL_DOCUMENTS'] ?? 200);
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? Date.now() % 1_000_000_000);
const AT_ONCE = 8;
const TIMEOUT_MS = Math.max(120_000, DOCUMENTS * 150);

/** Enough for what is generated: limits have tests of their own. */
const NO_LIMITS = { depth: 100, aliases: 1_000, directives: 1_000, tokens: 100_000, repetitions: 100_000, cost: 1e9 };

const SCHEMA = createSchema();
const NULLABLE = withoutNonNull(createSchema());

test(
  `${DOCUMENTS} random documents, each sent three times, are answered as graphql-js executes them, to the byte`,
  async () => {
    const compilations = countCompilations();
    const world = await aWorld();
    const outcomes = { data: 0, errors: 0, refused: 0, otherTime: 0 };
    const seeds = Array.from({ length: DOCUMENTS }, (_, index) => SEED + index).values();

    const compareOn = async () => {
      for (const seed of seeds) {
        const request = randomRequest(SCHEMA, world.values, seed);
        const expected = await expectedReply(world, request);
        outcomes[kindOf(expected)] += 1;
        for (const time of ['first', 'second', 'third']) {
          const reply = await replyTo(world, request);
          if (reply === expected) continue;
          const place = `DIFFERENTIAL_SEED=${seed} DIFFERENTIAL_DOCUMENTS=1, the ${time} time: ${JSON.stringify(request)}`;
          expect(kindOf(expected), place).toBe('errors');
          if (!isOfOtherTime(reply, expected, await replyOfNullable(world, request)))
            expect(reply, place).toBe(expected);
          outcomes.otherTime += 1;
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, compareOn));

    tellFigures(`${DOCUMENTS} random documents from seed ${SEED}`, { ...outcomes, compiled: compilations() });
    // Otherwise the documents would show little.
    if (DOCUMENTS < 1_000) return;
    expect(compilations()).toBeGreaterThan(DOCUMENTS / 5);
    for (const kind of ['data', 'errors', 'refused'] as const) expect(outcomes[kind]).toBeGreaterThan(DOCUMENTS / 20);
    expect(outcomes.otherTime).toBeLessThan(DOCUMENTS / 5);
  },
  TIMEOUT_MS,
);

interface World {
  readonly api: TestApi;
  readonly ann: Person;
  readonly token: string;
  readonly values: Record<string, readonly unknown[]>;
  readonly context: () => Context;
}

/** Ann's groups, one of which has lost its profile. No profile of an inbox can be read: `createdAt` is an error within a list. */
async function aWorld(): Promise<World> {
  const api = await anApi({ local: true, queryLimits: NO_LIMITS });
  const [ann, ben, cyd, dan] = await api.people(4);
  const broken = await startGroup(api, [ann, dan], 'without a profile');
  const long = await startGroup(api, [ann, ben, cyd], 'first');
  for (let count = 0; count < 5; count += 1)
    await send(api, count % 2 ? ann : cyd, { messageGroupId: long }, `${count}`);
  const foreign = await startGroup(api, [ben, cyd], 'foreign');
  await api.table.client.send(
    new UpdateCommand({
      TableName: api.table.name,
      Key: { pk: `GRP#${broken}`, sk: 'PROFILE' },
      UpdateExpression: 'REMOVE createdAt, memberIds, kind',
    }),
  );
  const { edges } = await listMessages(api, ann, { messageGroupId: long });
  const cursors = edges.map(({ cursor }) => cursor);
  const ids = [long, long, broken, foreign, 'none'];
  rememberReads(api.table);
  rememberStatements(api.pool);

  const directory = cacheUsers(openDirectory(api.pool));
  const users = await directory.findByHandles([ann, ben, cyd, dan].map(({ handle }) => handle));
  const viewer = users.find(({ id }) => id === ann.id);
  if (!viewer) throw new Error('Ann is in the directory');
  return {
    api,
    ann,
    token: await api.issuer.token(ann.subject),
    values: {
      id: ids,
      messageGroupId: ids,
      handle: [ben.handle, ann.handle.toUpperCase(), 'nobody'],
      after: [...cursors, 'junk'],
      before: cursors,
      Int: [1, 2, 3, 100, 0],
      Boolean: [true, false],
    },
    context: () => {
      const deadline = performance.now() + 60_000;
      const table = observeCalls(api.table, () => {}, { deadline });
      const observed = observeDirectory(directory, {
        onCall: () => {},
        deadline,
        breaker: directoryBreaker(),
        budgetMs: 60_000,
      });
      return createContext(viewer, {
        messaging: {
          table,
          findUsersByHandle: observed.findByHandles,
          findUsersById: observed.findByIds,
          now: table.now,
        },
        directory: observed,
        requestId: '',
        charge: () => {},
        log: { error: () => {}, warn: () => {} },
        spend: async () => {},
        onOperation: () => {},
      });
    },
  };
}

/** From now on, what was read once is answered at once: it takes less time, and less depends on which of two reads is faster. */
function rememberReads(table: Table): void {
  const read = new Map<string, ReturnType<Table['call']>>();
  const { call } = table;
  const remembering = (...[operation, input]: Parameters<Table['call']>) => {
    if ((operation as string) === 'BatchGetItem') return Promise.reject(new Error('Profiles cannot be read'));
    const key = JSON.stringify([operation, input]);
    const known = read.get(key) ?? call(operation, input);
    read.set(key, known);
    return known;
  };
  Object.assign(table, { call: remembering });
}

function rememberStatements(pool: pg.Pool): void {
  const read = new Map<string, unknown>();
  const query = pool.query.bind(pool) as (...args: unknown[]) => unknown;
  const remembering = (...args: unknown[]) => {
    const key = JSON.stringify(args);
    if (!read.has(key)) read.set(key, query(...args));
    return read.get(key);
  };
  Object.assign(pool, { query: remembering });
  onTestFinished(() => void Object.assign(pool, { query }));
}

async function replyTo({ api, token }: World, request: RandomRequest): Promise<string> {
  const response = await fetch(api.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(request),
  });
  return (await response.text()).replaceAll(/,"requestId":"[^"]*"/g, '');
}

/** The reply that graphql-js gives. */
async function expectedReply(
  { context }: World,
  { query, operationName, variables: variableValues }: RandomRequest,
): Promise<string> {
  const document = parsed(query);
  if (document instanceof GraphQLError) return bodyOf({ errors: [document] }, 'GRAPHQL_PARSE_FAILED');
  const invalid = validate(SCHEMA, document);
  if (invalid.length > 0) return bodyOf({ errors: invalid }, 'GRAPHQL_VALIDATION_FAILED');
  const operation = getOperationAST(document, operationName);
  const isNull = operation && nullCondition(document, operation, variableValues);
  if (isNull) {
    const message = `Variable "$${isNull}" is the condition of a directive and must not be null.`;
    return bodyOf({ errors: [new GraphQLError(message)] }, 'BAD_USER_INPUT');
  }
  const result = await execute({ schema: SCHEMA, document, operationName, variableValues, contextValue: context() });
  return bodyOf(result, operation ? undefined : 'OPERATION_RESOLUTION_FAILURE');
}

/**
 * The first variable that makes a condition of the operation or of a fragment null. Such a request is refused: graphql-js 16 may leave a rejected promise behind,
 * which ends the process.
 */
function nullCondition(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
): string | undefined {
  const own = separateOperations(document)[operation.name?.value ?? ''] ?? document;
  const conditions = [...print(own).matchAll(/@(?:skip|include)\(if: \$(\w+)\)/g)].map(([, name]) => name);
  return conditions.find((name) => name !== undefined && variables[name] === null);
}

/** The reply that graphql-js would give if no field had to be non-null: with all errors, each in its place. */
async function replyOfNullable({ context }: World, request: RandomRequest): Promise<string> {
  const { query, operationName, variables: variableValues } = request;
  const document = parse(query);
  return bodyOf(await execute({ schema: NULLABLE, document, operationName, variableValues, contextValue: context() }));
}

/**
 * Tells whether a reply differs from the expected one by nothing but the time that loads took. The order of errors follows from that, and,
 * where an error makes a parent null, which errors beside it are reported: see "Handling Execution Errors" in the GraphQL specification.
 */
function isOfOtherTime(reply: string, expected: string, ofNullable: string): boolean {
  const [actual, wanted, all] = [reply, expected, ofNullable].map((text) => JSON.parse(text));
  if (!actual.errors || !wanted.errors || JSON.stringify(actual.data) !== JSON.stringify(wanted.data)) return false;
  const [found, sure, possible] = [actual, wanted, all].map(({ errors = [] }) =>
    errors.map((error: unknown) => JSON.stringify(error)).sort(),
  );
  if (JSON.stringify(all.data) === JSON.stringify(wanted.data)) return JSON.stringify(found) === JSON.stringify(sure);
  return new Set(found).size === found.length && found.every((error: string) => possible.includes(error));
}

function withoutNonNull(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields())) field.type = nullable(field.type);
  }
  return schema;
}

function nullable(type: GraphQLOutputType): GraphQLOutputType {
  if (isNonNullType(type)) return nullable(type.ofType);
  return isListType(type) ? new GraphQLList(nullable(type.ofType)) : type;
}

function parsed(query: string): DocumentNode | GraphQLError {
  try {
    return parse(query);
  } catch (error) {
    return error as GraphQLError;
  }
}

/** A result as Apollo Server sends it. */
function bodyOf({ errors, data }: ExecutionResult, refusedWith?: string): string {
  const formatted = errors?.map((error) => {
    const { nodes = null, source = null, positions = null } = error;
    const given = refusedWith
      ? new GraphQLError(error.message, { nodes, source, positions, extensions: { code: refusedWith } })
      : error;
    const { http, ...extensions } = given.extensions;
    return formatError({ ...given.toJSON(), extensions: { code: 'INTERNAL_SERVER_ERROR', ...extensions } }, given);
  });
  return `${JSON.stringify({ errors: formatted, ...(!refusedWith && { data }) })}\n`;
}

function kindOf(reply: string): 'data' | 'errors' | 'refused' {
  if (!reply.startsWith('{"errors"')) return 'data';
  return reply.includes('"data":') ? 'errors' : 'refused';
}
