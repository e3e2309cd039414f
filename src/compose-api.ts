import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { within } from './calls.ts';
import type { ApiConfig } from './config/api.ts';
import { openRateLimits } from './http/rate-limits.ts';
import { createHttpServer } from './http/server.ts';
import { createTokenVerifier } from './identity/token-verifier.ts';
import { createViewers } from './identity/viewers.ts';
import { type Log, openLog } from './log.ts';
import { pingTable } from './table/health.ts';
import { openTable, type Table, type TableOptions } from './table/table.ts';
import { createApiMetrics } from './telemetry/metrics.ts';
import { serveMetrics, stopMetrics } from './telemetry/metrics-server.ts';
import { directoryBreaker } from './users/breaker.ts';
import { openDirectory } from './users/directory.ts';
import { withoutSearch } from './users/no-search.ts';
import { giveUpIdle, openPool } from './users/pool.ts';
import { cacheUsers } from './users/user-cache.ts';

/**
 * How long all calls of a request to the directory may take together. With the second that it may have waited to run, a request that
 * needs an uncached user has an answer within 2 s. The pool gives a statement up a little later, so that the budget ends first.
 */
const DIRECTORY_BUDGET_MS = 700;
const STATEMENT_TIMEOUT_MS = 800;

const FAREWELL_MS = 200;

/** The API with all its parts; whoever runs it lets requests in. */
export interface Api {
  readonly server: FastifyInstance;
  readonly log: Log;
  /**
   * Reports not ready, serves for another `shutdownDelayMs`, so that load balancers notice, answers the requests under way, and then
   * closes the connections.
   */
  close(): Promise<void>;
}

/** Wires the API's parts together, the same for a process that listens and for AWS Lambda, but for what calls to the engine go over. */
export async function composeApi(
  config: ApiConfig,
  { requestHandler }: Pick<TableOptions, 'requestHandler'> = {},
): Promise<Api> {
  const log = openLog(config.logLevel);
  const metrics = config.metrics && createApiMetrics();
  const table: Table = {
    ...openTable({ ...config.table, ...(requestHandler && { requestHandler }) }),
    onSkipped: (skipped) => {
      log.warn(skipped, 'a part of the table was skipped');
      metrics?.onSkipped(skipped);
    },
  };
  const pool = openPool({
    ...config.directory,
    onIdleError: (err) => log.warn({ err }, 'directory connection lost'),
    patienceMs: STATEMENT_TIMEOUT_MS,
  });
  const users = cacheUsers(openDirectory(pool));
  const directory = config.peopleSearch ? users : withoutSearch(users);
  const metricsServer = metrics && config.metrics && (await serveMetrics(metrics.registry, config.metrics));
  const traces = config.tracesEndpoint === undefined ? undefined : await startTraces(config.tracesEndpoint, log);
  const rateLimits = await openRateLimits(config.rateLimits, log);
  let isStopping = false;
  const server = await createHttpServer({
    log,
    local: config.local,
    sandboxToken: config.sandboxToken,
    queryLimits: config.queryLimits,
    rateLimits,
    trustedProxies: config.trustedProxies,
    overload: config.overload,
    corsOrigins: config.corsOrigins,
    messaging: {
      table,
      findUsersByHandle: directory.findByHandles,
      findUsersById: directory.findByIds,
      now: table.now,
    },
    directory,
    directoryBreaker: directoryBreaker(() => {
      log.warn('the directory does not answer: calls fail at once, with one probe a second');
      giveUpIdle(pool);
    }),
    directoryBudgetMs: DIRECTORY_BUDGET_MS,
    viewerOf: createViewers(createTokenVerifier(config.identity)),
    health: {
      checks: { table: () => pingTable(table), directory: directory.ping },
      isStopping: () => isStopping,
    },
    requestListeners: [metrics?.onRequest, traces?.onRequest].filter((each) => each !== undefined),
  });
  return {
    server,
    log,
    close: async () => {
      isStopping = true;
      await delay(config.shutdownDelayMs);
      await server.close();
      // A directory that is silent does not answer a farewell either.
      await Promise.all([within(FAREWELL_MS, pool.end()).catch(() => {}), traces?.stop()]);
      if (metricsServer) stopMetrics(metricsServer);
      rateLimits.close();
      table.client.destroy();
    },
  };
}

/** Loads OpenTelemetry, which costs nothing where it is not asked for. */
async function startTraces(endpoint: string, log: Log) {
  const { openTraces } = await import('./telemetry/traces.ts');
  return openTraces(endpoint, 'cruddur-messages-api', (err) => log.warn({ err }, 'traces could not be sent'));
}
