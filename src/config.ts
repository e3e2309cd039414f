import * as z from 'zod';
import {
  address,
  integer,
  isLoopback,
  issuerAddress,
  logLevel,
  origin,
  port,
  required,
  tableName,
} from './variables.ts';

/** Where the messages are. */
export interface TableConfig {
  readonly name: string;
  readonly region: string;
  /** Another engine than AWS. */
  readonly endpoint: string | undefined;
}

/** Where the people are. */
export interface DirectoryConfig {
  readonly url: string;
  /** Connections at most. */
  readonly poolSize: number;
}

/** Whose tokens are believed. */
export type IdentityConfig =
  | { readonly kind: 'cognito'; readonly userPoolId: string; readonly clientId: string }
  | { readonly kind: 'oidc'; readonly issuer: string; readonly jwksUri: string; readonly audience: string };

export type LogLevel = z.infer<typeof logLevel>;

/** What the API process needs to know. */
export interface ApiConfig {
  readonly port: number;
  readonly host: string;
  readonly logLevel: LogLevel;
  readonly table: TableConfig;
  readonly directory: DirectoryConfig;
  readonly identity: IdentityConfig;
  readonly corsOrigins: readonly string[];
  /**
   * Whether the tokens come from an issuer on this machine. That opens introspection without a token and
   * Apollo Sandbox, and is refused with NODE_ENV=production.
   */
  readonly local: boolean;
  /** The token that Apollo Sandbox is signed in with; in local use only. */
  readonly sandboxToken: string | undefined;
}

/** What the worker process needs to know. */
export interface WorkerConfig {
  readonly logLevel: LogLevel;
  readonly table: TableConfig;
  /** How long a worker that died keeps its shards. */
  readonly leaseMs: number;
  /** Where metrics are served; nowhere when absent. */
  readonly metrics: { readonly host: string; readonly port: number } | undefined;
}

/** What the local stack, and the commands that talk to it, need to know. */
export interface LocalConfig {
  readonly host: string;
  /** The API's port; the engines take the three after it. */
  readonly port: number;
  readonly directory: string;
  readonly logLevel: LogLevel;
  readonly tableName: string;
  /** An engine to use instead of the embedded one. */
  readonly dynamodbEndpoint: string | undefined;
  /** An engine to use instead of the embedded one. */
  readonly databaseUrl: string | undefined;
  /** The whole environment, to hand on to the processes that are started. */
  readonly environment: NodeJS.ProcessEnv;
}

/** Everything that is wrong with the environment, in one message. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(problems: readonly string[]) {
    super(['The configuration is wrong (see .env.example):', ...problems.map((problem) => `  ${problem}`)].join('\n'));
  }
}

const tableVariables = {
  DYNAMODB_ENDPOINT: address(['http', 'https']).optional(),
  DYNAMODB_TABLE: tableName.default('cruddur-messages'),
  AWS_REGION: z.string(required()).regex(/^[a-z0-9-]+$/, 'must be a region such as eu-central-1'),
};

const apiVariables = z.object({
  NODE_ENV: z.string().default('development'),
  PORT: port.default(4000),
  HOST: z.string().default('127.0.0.1'),
  LOG_LEVEL: logLevel.default('info'),
  ...tableVariables,
  DATABASE_URL: address(['postgres', 'postgresql']),
  DATABASE_POOL_SIZE: integer(1, 100).default(10),
  CORS_ORIGINS: z
    .string()
    .default('')
    .transform((list) =>
      list
        .split(',')
        .map((each) => each.trim())
        .filter(Boolean),
    )
    .pipe(z.array(origin)),
  SANDBOX_TOKEN: z.string().optional(),
});

const workerVariables = z.object({
  LOG_LEVEL: logLevel.default('info'),
  HOST: z.string().default('127.0.0.1'),
  LEASE_SECONDS: integer(1, 60).default(9),
  METRICS_PORT: port.optional(),
  ...tableVariables,
});

/** As aws-jwt-verify wants it. */
const USER_POOL_ID = /^(eusc-[a-z]{2}|[a-z]{2})-(gov-)?[a-z]+-\d_[0-9A-Za-z]+$/;

const cognitoVariables = z.object({
  COGNITO_USER_POOL_ID: z
    .string(required())
    .regex(USER_POOL_ID, 'must be a user pool id such as eu-central-1_AbCdEfGhI'),
  COGNITO_CLIENT_ID: z.string(required()).regex(/^[\w+]+$/, 'must be an app client id'),
});

const oidcVariables = z.object({
  OIDC_ISSUER: issuerAddress,
  OIDC_JWKS_URI: issuerAddress,
  OIDC_AUDIENCE: z.string(required()),
});

/** The local stack fills in its seed, which is for nobody else's engines. */
const NOT_LOCAL = 'must be on this machine for the local stack, which writes its seed there';

const localVariables = z.object({
  PORT: integer(1, 65_532).default(4000),
  HOST: z.string().default('127.0.0.1'),
  LOCAL_DIR: z.string().default('.local'),
  LOG_LEVEL: logLevel.default('info'),
  DYNAMODB_TABLE: tableName.default('cruddur-messages'),
  DYNAMODB_ENDPOINT: address(['http', 'https']).refine(isLoopback, NOT_LOCAL).optional(),
  DATABASE_URL: address(['postgres', 'postgresql']).refine(isLoopback, NOT_LOCAL).optional(),
});

/**
 * The API's configuration. Empty variables count as absent.
 *
 * @throws ConfigError with everything that is wrong
 */
export function readApiConfig(environment: NodeJS.ProcessEnv): ApiConfig {
  const problems: string[] = [];
  const given = present(environment);
  const api = read(apiVariables, given, problems);
  const identity = readIdentity(given, problems);
  const local = identity?.kind === 'oidc' && isLocalIssuer(identity.issuer);
  if (local && given['NODE_ENV'] === 'production') {
    problems.push('OIDC_ISSUER is an issuer on this machine, which NODE_ENV=production does not allow');
  }
  if (!local && given['SANDBOX_TOKEN'] !== undefined) {
    problems.push('SANDBOX_TOKEN is for local use, with an issuer on this machine');
  }
  if (!api || !identity || problems.length > 0) throw new ConfigError(problems);
  return {
    port: api.PORT,
    host: api.HOST,
    logLevel: api.LOG_LEVEL,
    table: tableOf(api),
    directory: { url: api.DATABASE_URL, poolSize: api.DATABASE_POOL_SIZE },
    identity,
    corsOrigins: api.CORS_ORIGINS,
    local,
    sandboxToken: api.SANDBOX_TOKEN,
  };
}

/**
 * The worker's configuration, and that of commands that work on the table. Empty variables count as absent.
 *
 * @throws ConfigError with everything that is wrong
 */
export function readWorkerConfig(environment: NodeJS.ProcessEnv): WorkerConfig {
  const problems: string[] = [];
  const worker = read(workerVariables, present(environment), problems);
  if (!worker) throw new ConfigError(problems);
  return {
    logLevel: worker.LOG_LEVEL,
    table: tableOf(worker),
    leaseMs: worker.LEASE_SECONDS * 1000,
    metrics: worker.METRICS_PORT === undefined ? undefined : { host: worker.HOST, port: worker.METRICS_PORT },
  };
}

function tableOf(given: {
  DYNAMODB_TABLE: string;
  AWS_REGION: string;
  DYNAMODB_ENDPOINT?: string | undefined;
}): TableConfig {
  return { name: given.DYNAMODB_TABLE, region: given.AWS_REGION, endpoint: given.DYNAMODB_ENDPOINT };
}

/** The ports of the local stack: the API's, and the three after it. */
export function localPorts(apiPort: number) {
  return { api: apiPort, issuer: apiPort + 1, dynamodb: apiPort + 2, postgres: apiPort + 3 };
}

/**
 * The table that an operator's command works on: that of the local stack, unless AWS_REGION or DYNAMODB_ENDPOINT is given.
 *
 * @throws ConfigError with everything that is wrong
 */
export function readOperatorConfig(environment: NodeJS.ProcessEnv): TableConfig {
  const given = present(environment);
  if (given['AWS_REGION'] || given['DYNAMODB_ENDPOINT'])
    return readWorkerConfig({ AWS_REGION: 'us-east-1', ...given }).table;
  const { port: apiPort, tableName: name } = readLocalConfig(environment);
  return { name, region: 'us-east-1', endpoint: `http://127.0.0.1:${localPorts(apiPort).dynamodb}` };
}

/**
 * The configuration of the local stack.
 *
 * @throws ConfigError with everything that is wrong
 */
export function readLocalConfig(environment: NodeJS.ProcessEnv): LocalConfig {
  const problems: string[] = [];
  const local = read(localVariables, present(environment), problems);
  if (!local) throw new ConfigError(problems);
  return {
    host: local.HOST,
    port: local.PORT,
    directory: local.LOCAL_DIR,
    logLevel: local.LOG_LEVEL,
    tableName: local.DYNAMODB_TABLE,
    dynamodbEndpoint: local.DYNAMODB_ENDPOINT,
    databaseUrl: local.DATABASE_URL,
    environment,
  };
}

function readIdentity(given: NodeJS.ProcessEnv, problems: string[]): IdentityConfig | undefined {
  const hasCognito = Object.keys(cognitoVariables.shape).some((name) => given[name] !== undefined);
  const hasOidc = Object.keys(oidcVariables.shape).some((name) => given[name] !== undefined);
  if (hasCognito === hasOidc) {
    problems.push(
      'COGNITO_USER_POOL_ID and COGNITO_CLIENT_ID, or OIDC_ISSUER, OIDC_JWKS_URI and OIDC_AUDIENCE: ' +
        (hasCognito ? 'only one of these sets can be given' : 'one of these sets is required'),
    );
  }
  const cognito = hasCognito ? read(cognitoVariables, given, problems) : undefined;
  const oidc = hasOidc ? read(oidcVariables, given, problems) : undefined;
  if (cognito)
    return { kind: 'cognito', userPoolId: cognito.COGNITO_USER_POOL_ID, clientId: cognito.COGNITO_CLIENT_ID };
  if (oidc)
    return { kind: 'oidc', issuer: oidc.OIDC_ISSUER, jwksUri: oidc.OIDC_JWKS_URI, audience: oidc.OIDC_AUDIENCE };
  return undefined;
}

function isLocalIssuer(issuer: string): boolean {
  return new URL(issuer).protocol === 'http:' && isLoopback(issuer);
}

function present(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim()));
}

function read<Variables extends z.ZodObject>(
  variables: Variables,
  given: NodeJS.ProcessEnv,
  problems: string[],
): z.infer<Variables> | undefined {
  const parsed = variables.safeParse(given);
  if (parsed.success) return parsed.data;
  problems.push(...parsed.error.issues.map(({ path, message }) => `${String(path[0])} ${message}`));
  return undefined;
}
