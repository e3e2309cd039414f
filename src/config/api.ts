import * as z from 'zod';
import {
  type DirectoryConfig,
  directoryConfig,
  directoryVariables,
  type TableConfig,
  tableConfig,
  tableVariables,
} from './engines.ts';
import { ConfigError, present, read } from './environment.ts';
import { type IdentityConfig, isLocalIssuer, readIdentity } from './identity.ts';
import { type QueryLimits, queryLimits, queryLimitVariables } from './query-limits.ts';
import { type RateLimitsConfig, rateLimits, rateLimitVariables } from './rate-limits.ts';
import { type MetricsConfig, metricsConfig, telemetryVariables } from './telemetry.ts';
import { integer, type LogLevel, list, logLevel, onOff, origin, port } from './variables.ts';

/** What a process does at most before it refuses requests. */
export interface OverloadLimits {
  /** Operations that run at once; five times as many wait for up to 1 s. */
  readonly atOnce: number;
  /** Operations of one person that run at once; five times as many wait for up to 1 s. */
  readonly perPerson: number;
}

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
  readonly queryLimits: QueryLimits;
  readonly rateLimits: RateLimitsConfig;
  /** Addresses and ranges of proxies, whose `X-Forwarded-For` says where a request comes from. */
  readonly trustedProxies: readonly string[];
  /** From where on requests are refused; never when absent. */
  readonly overload: OverloadLimits | undefined;
  /** How long the API still serves after SIGTERM while it reports not ready, in milliseconds. */
  readonly shutdownDelayMs: number;
  /** Whether people can search for people. */
  readonly peopleSearch: boolean;
  readonly metrics: MetricsConfig | undefined;
  /** The collector that traces are sent to, by OTLP over HTTP; nothing is traced when absent. */
  readonly tracesEndpoint: string | undefined;
}

const apiVariables = z.object({
  NODE_ENV: z.string().default('development'),
  PORT: port.default(4000),
  HOST: z.string().default('127.0.0.1'),
  LOG_LEVEL: logLevel.default('info'),
  ...tableVariables,
  ...directoryVariables,
  ...telemetryVariables,
  ...queryLimitVariables,
  ...rateLimitVariables,
  MAX_OPERATIONS_AT_ONCE: integer(1, 100_000).default(500),
  MAX_OPERATIONS_PER_PERSON: integer(1, 100_000).default(8),
  SHUTDOWN_DELAY_SECONDS: integer(0, 300).default(0),
  PEOPLE_SEARCH: onOff.default('on'),
  CORS_ORIGINS: list.pipe(z.array(origin)),
  SANDBOX_TOKEN: z.string().optional(),
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
    table: tableConfig(api),
    directory: directoryConfig(api),
    identity,
    corsOrigins: api.CORS_ORIGINS,
    local,
    sandboxToken: api.SANDBOX_TOKEN,
    queryLimits: queryLimits(api),
    rateLimits: rateLimits(api),
    trustedProxies: api.TRUST_PROXY,
    overload: {
      atOnce: api.MAX_OPERATIONS_AT_ONCE,
      perPerson: api.MAX_OPERATIONS_PER_PERSON,
    },
    shutdownDelayMs: api.SHUTDOWN_DELAY_SECONDS * 1_000,
    peopleSearch: api.PEOPLE_SEARCH === 'on',
    metrics: metricsConfig(api),
    tracesEndpoint: api.OTEL_EXPORTER_OTLP_ENDPOINT,
  };
}
