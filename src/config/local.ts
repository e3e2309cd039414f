import * as z from 'zod';
import { present, readAll } from './environment.ts';
import { address, databaseUrl, integer, isLoopback, type LogLevel, logLevel, tableName } from './variables.ts';

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

/** The local stack fills in its seed, which is for nobody else's engines. */
const NOT_LOCAL = 'must be on this machine for the local stack, which writes its seed there';

const localVariables = z.object({
  PORT: integer(1, 65_532).default(4000),
  HOST: z.string().default('127.0.0.1'),
  LOCAL_DIR: z.string().default('.local'),
  LOG_LEVEL: logLevel.default('info'),
  DYNAMODB_TABLE: tableName.default('cruddur-messages'),
  DYNAMODB_ENDPOINT: address(['http', 'https']).refine(isLoopback, NOT_LOCAL).optional(),
  DATABASE_URL: databaseUrl.refine(isLoopback, NOT_LOCAL).optional(),
});

/**
 * The configuration of the local stack.
 *
 * @throws ConfigError with everything that is wrong
 */
export function readLocalConfig(environment: NodeJS.ProcessEnv): LocalConfig {
  const local = readAll(localVariables, present(environment));
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

/** The ports of the local stack: the API's, and the three after it. */
export function localPorts(apiPort: number) {
  return { api: apiPort, issuer: apiPort + 1, dynamodb: apiPort + 2, postgres: apiPort + 3 };
}

/** Where the local stack's own directory listens. */
export function localDatabaseUrl(apiPort: number): string {
  return `postgres://postgres@127.0.0.1:${localPorts(apiPort).postgres}/postgres`;
}

/** Where the local stack's own engine of messages listens. */
export function localDynamodbEndpoint(apiPort: number): string {
  return `http://127.0.0.1:${localPorts(apiPort).dynamodb}`;
}
