import { type LocalConfig, localDatabaseUrl, localDynamodbEndpoint, localPorts } from '../config/local.ts';

/** Where the parts of the local stack listen: the API on `PORT`, the others on the three ports after it. */
export interface LocalAddresses {
  readonly ports: ReturnType<typeof localPorts>;
  readonly graphqlUrl: string;
  readonly issuerUrl: string;
  /** Of the engine that the stack starts, or of the one that `DYNAMODB_ENDPOINT` names. */
  readonly dynamodbEndpoint: string;
  /** Of the engine that the stack starts, or of the one that `DATABASE_URL` names. */
  readonly databaseUrl: string;
  readonly startsDynamodb: boolean;
  readonly startsPostgres: boolean;
}

/** Engines listen here whatever `HOST` says: they take anyone's word. */
export const LOOPBACK = '127.0.0.1';

/** The audience of local tokens. */
export const LOCAL_CLIENT_ID = 'cruddur-local';

export function localAddresses({ host, port, dynamodbEndpoint, databaseUrl }: LocalConfig): LocalAddresses {
  const ports = localPorts(port);
  return {
    ports,
    graphqlUrl: `http://${host === '0.0.0.0' ? LOOPBACK : host}:${port}/graphql`,
    issuerUrl: `http://${LOOPBACK}:${ports.issuer}`,
    dynamodbEndpoint: dynamodbEndpoint ?? localDynamodbEndpoint(port),
    databaseUrl: databaseUrl ?? localDatabaseUrl(port),
    startsDynamodb: dynamodbEndpoint === undefined,
    startsPostgres: databaseUrl === undefined,
  };
}

/** The environment of the API and the worker: plain addresses, as anywhere else. */
export function processEnvironment(
  config: LocalConfig,
  addresses: LocalAddresses,
  sandboxToken: string,
): NodeJS.ProcessEnv {
  return {
    ...config.environment,
    HOST: config.host,
    PORT: String(config.port),
    AWS_REGION: config.environment['AWS_REGION'] || 'us-east-1',
    DYNAMODB_ENDPOINT: addresses.dynamodbEndpoint,
    DYNAMODB_TABLE: config.tableName,
    DATABASE_URL: addresses.databaseUrl,
    // The embedded engine has a single session.
    ...(addresses.startsPostgres && { DATABASE_POOL_SIZE: '1' }),
    COGNITO_USER_POOL_ID: '',
    COGNITO_CLIENT_ID: '',
    OIDC_ISSUER: addresses.issuerUrl,
    OIDC_JWKS_URI: `${addresses.issuerUrl}/.well-known/jwks.json`,
    OIDC_AUDIENCE: LOCAL_CLIENT_ID,
    SANDBOX_TOKEN: sandboxToken,
  };
}

/** The worker's own: on one machine, the port after the API's is for its metrics. */
export function workerEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const port = environment['METRICS_PORT'];
  return {
    ...environment,
    // The stack holds its folder, so no other worker lives.
    LEASE_TAKE_OVER: 'on',
    ...(port && { METRICS_PORT: String(Number(port) + 1) }),
  };
}
