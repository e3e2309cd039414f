import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { afterAll, beforeAll, expect, inject, onTestFinished } from 'vitest';
import type { OverloadLimits } from '../../src/config/api.ts';
import { DEFAULT_QUERY_LIMITS, type QueryLimits } from '../../src/config/query-limits.ts';
import type { RateLimitsConfig } from '../../src/config/rate-limits.ts';
import { openRateLimits } from '../../src/http/rate-limits.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { createTokenVerifier } from '../../src/identity/token-verifier.ts';
import { createViewers } from '../../src/identity/viewers.ts';
import { openLog } from '../../src/log.ts';
import { pingTable } from '../../src/table/health.ts';
import type { EngineCall, Table } from '../../src/table/table.ts';
import type { RequestReport } from '../../src/telemetry/request-report.ts';
import { directoryBreaker } from '../../src/users/breaker.ts';
import { openDirectory } from '../../src/users/directory.ts';
import { withoutSearch } from '../../src/users/no-search.ts';
import { openPool } from '../../src/users/pool.ts';
import { cacheUsers } from '../../src/users/user-cache.ts';
import { expectLines, keepLines, keepSecret } from '../logs/collect.ts';
import { MESSAGE_BODY } from '../logs/search.ts';
import { startIssuer, type TestIssuer } from './issuer.ts';
import { addPeople, type Person } from './people.ts';
import { aTable } from './table.ts';

/** What a GraphQL reply holds. */
export interface Reply {
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of the data
  readonly data: any;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly string[];
    readonly extensions: { readonly code: string };
  }[];
}

/** A whole API over HTTP, with a table of its own. */
export interface TestApi {
  readonly url: string;
  readonly server: FastifyInstance;
  readonly table: Table;
  readonly issuer: TestIssuer;
  readonly pool: pg.Pool;
  /** Every call to the engine so far. */
  readonly calls: EngineCall[];
  /** Every SQL statement so far. */
  readonly statements: string[];
  /** Every request's report so far. */
  readonly reports: RequestReport[];
  /** Every line of the log so far. */
  readonly logs: string[];
  /** People of the directory, as many as asked for. */
  people<Count extends number>(count: Count): Promise<People<Count>>;
  /** Lets so many milliseconds pass for the users that the API caches. */
  age(milliseconds: number): void;
  /** Posts an operation as this person; as nobody when absent. */
  post(
    person: Person | undefined,
    query: string,
    variables?: object,
    headers?: Record<string, string>,
  ): Promise<Response>;
  /** Posts an operation and expects an answer without top-level errors. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of the data
  ask(person: Person, query: string, variables?: object): Promise<any>;
  /** Posts an operation and expects an answer, errors or not. */
  reply(person: Person, query: string, variables?: object): Promise<Reply>;
}

export interface TestApiOptions {
  readonly local?: boolean;
  readonly sandboxToken?: string;
  readonly queryLimits?: Partial<QueryLimits>;
  /** Nobody meets one unless it is given. */
  readonly rateLimits?: Partial<RateLimitsConfig>;
  /** On unless it is given. */
  readonly peopleSearch?: boolean;
  readonly trustedProxies?: readonly string[];
  /** Nothing is refused unless it is given. */
  readonly overload?: Partial<OverloadLimits>;
  readonly corsOrigins?: readonly string[];
  readonly now?: () => number;
  /** Another engine than that of all tests. */
  readonly dynamodbEndpoint?: string;
  readonly healthChecks?: Record<string, () => Promise<void>>;
  readonly isStopping?: () => boolean;
  /** Another issuer than the one that all tests of the file share. */
  readonly issuer?: TestIssuer;
}

/** All tests of a file wait for one connection, which on a busy machine takes more patience than a request has. */
const PATIENCE_MS = 15_000;

const NO_RATE_LIMITS: RateLimitsConfig = { reads: 1e9, sends: 1e9, searches: 1e9, refusals: 1e9, redisUrl: undefined };

/** A tuple where the count is known, so that a test can take it apart. */
export type People<Count extends number, Collected extends Person[] = []> = number extends Count
  ? Person[]
  : Collected['length'] extends Count
    ? Collected
    : Collected['length'] extends 60
      ? Person[]
      : People<Count, [...Collected, Person]>;

let shared: { issuer: TestIssuer; pool: pg.Pool; statements: string[] };

/** For a test file that calls `anApi`: its issuer and its connections. */
export function useApi(): void {
  beforeAll(async () => {
    const statements: string[] = [];
    const pool = openPool({ url: inject('databaseUrl'), poolSize: 1, onIdleError: () => {} });
    pool.options.connectionTimeoutMillis = PATIENCE_MS;
    const query = pool.query.bind(pool) as (...args: unknown[]) => unknown;
    Object.assign(pool, {
      query: (...args: unknown[]) => {
        statements.push(String(args[0]));
        return query(...args);
      },
    });
    shared = { issuer: await startIssuer(), pool, statements };
  });
  afterAll(async () => {
    await shared.pool.end();
    await shared.issuer.stop();
  });
}

/** Starts an API for one test. */
export async function anApi(options: TestApiOptions = {}): Promise<TestApi> {
  const { pool, statements } = shared;
  const issuer = options.issuer ?? shared.issuer;
  const calls: EngineCall[] = [];
  const logs: string[] = [];
  const reports: RequestReport[] = [];
  const table = await aTable((call) => calls.push(call), options.dynamodbEndpoint);
  let aheadMs = 0;
  const users = cacheUsers(openDirectory(pool), { now: () => performance.now() + aheadMs });
  const directory = options.peopleSearch === false ? withoutSearch(users) : users;
  const log = openLog('debug', {
    write: (line) => {
      logs.push(line);
      keepLines('log', line);
    },
  });
  const rateLimits = await openRateLimits({ ...NO_RATE_LIMITS, ...options.rateLimits }, log);
  const server = await createHttpServer({
    log,
    local: options.local ?? false,
    sandboxToken: options.sandboxToken,
    queryLimits: { ...DEFAULT_QUERY_LIMITS, ...options.queryLimits },
    rateLimits,
    trustedProxies: options.trustedProxies ?? [],
    overload: options.overload && { atOnce: 10_000, perPerson: 10_000, ...options.overload },
    corsOrigins: options.corsOrigins ?? [],
    messaging: {
      table,
      findUsersByHandle: directory.findByHandles,
      findUsersById: directory.findByIds,
      now: options.now ?? table.now,
    },
    directory,
    directoryBreaker: directoryBreaker(),
    directoryBudgetMs: PATIENCE_MS,
    viewerOf: createViewers(createTokenVerifier(issuer.identity)),
    health: {
      checks: options.healthChecks ?? { table: () => pingTable(table), directory: directory.ping },
      isStopping: options.isStopping ?? (() => false),
    },
    requestListeners: [
      (report) => {
        if (reports.push(report) === 1) expectLines();
      },
    ],
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
  onTestFinished(async () => {
    await server.close();
    rateLimits.close();
  });
  const url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}/graphql`;
  calls.length = 0;
  statements.length = 0;

  const tokens = new Map<string, Promise<string>>();
  const tokenOf = ({ subject }: Person): Promise<string> => {
    const token = tokens.get(subject) ?? issuer.token(subject);
    tokens.set(subject, token);
    return token;
  };

  const post: TestApi['post'] = async (person, query, variables, headers) => {
    keepBody(variables);
    return fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(person && { authorization: `Bearer ${await tokenOf(person)}` }),
        ...headers,
      },
      body: JSON.stringify({ query, variables }),
    });
  };
  const reply: TestApi['reply'] = async (...args) => (await post(...args)).json() as Promise<Reply>;
  const ask: TestApi['ask'] = async (...args) => {
    const { data, errors } = await reply(...args);
    expect(errors).toBeUndefined();
    return data;
  };
  return {
    url,
    server,
    table,
    issuer,
    pool,
    calls,
    statements,
    logs,
    reports,
    people: async <Count extends number>(count: Count) => (await addPeople(pool, count)) as People<Count>,
    age: (milliseconds) => {
      aheadMs += milliseconds;
    },
    post,
    reply,
    ask,
  };
}

/** Keeps the body of a message that is sent out of all logs. */
function keepBody(variables: { readonly input?: { readonly body?: unknown } } = {}): void {
  const body = variables.input?.body;
  if (typeof body === 'string') keepSecret(MESSAGE_BODY, body);
}
