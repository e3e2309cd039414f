import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from 'cockatiel';
import { Redis } from 'ioredis';
import {
  type RateLimiterAbstract,
  type RateLimiterMemory,
  RateLimiterRedis,
  RateLimiterRes,
} from 'rate-limiter-flexible';
import type { SharedRateLimit } from '../config/rate-limits.ts';

type Limiters<Limiter> = Readonly<Record<SharedRateLimit, Limiter>>;

interface RedisLog {
  warn(details: object, message: string): void;
  info(message: string): void;
}

/** Counts for one limit. */
type Counter = Pick<RateLimiterAbstract, 'consume' | 'reward' | 'block' | 'points'>;

/** The timeout of a command, in milliseconds. After it, the process's own count serves the request. */
const COMMAND_TIMEOUT_MS = 250;

const LONGEST_RECONNECT_MS = 2_000;

/** After so many failed commands in a row, requests do not wait for Redis, except for one command in this time, in milliseconds. */
const FAILURES_TO_OPEN = 3;
const PROBE_MS = 5_000;

/** Counters in Redis. Each has one in memory that takes over while Redis does not answer. */
export function openRedisLimits(
  url: string,
  memory: Limiters<RateLimiterMemory>,
  log: RedisLog,
): { counters: Limiters<Counter>; close: () => void } {
  const client = new Redis(url, {
    // A command that cannot be sent now is counted in memory, not kept for later.
    enableOfflineQueue: false,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: 1_000,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(attempt * 100, LONGEST_RECONNECT_MS),
  });
  logConnection(client, log);
  const breaker = circuitBreaker(
    handleWhen((error) => !(error instanceof RateLimiterRes)),
    { halfOpenAfter: PROBE_MS, breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN) },
  );

  const counter = (limit: SharedRateLimit): Counter => {
    const own = memory[limit];
    const shared = new RateLimiterRedis({
      storeClient: client,
      keyPrefix: `cruddur-messages:${limit}`,
      points: own.points,
      duration: own.duration,
      rejectIfRedisNotReady: true,
    });
    const count = async (method: 'consume' | 'reward' | 'block', who: string, points: number) => {
      // The library lets calls wait for the probe.
      if (breaker.state === CircuitState.HalfOpen) return own[method](who, points);
      try {
        return await breaker.execute(() => shared[method](who, points));
      } catch (error) {
        if (error instanceof RateLimiterRes) throw error;
        return own[method](who, points);
      }
    };
    return {
      points: own.points,
      consume: (who: string, points: number) => count('consume', who, points),
      reward: (who: string, points: number) => count('reward', who, points),
      block: (who: string, seconds: number) => count('block', who, Math.ceil(seconds)),
    };
  };
  return {
    counters: {
      reads: counter('reads'),
      sends: counter('sends'),
      searches: counter('searches'),
      refusals: counter('refusals'),
    },
    close: () => client.disconnect(),
  };
}

/** Logs each loss of Redis once, however often connecting fails until Redis is back. */
function logConnection(client: Redis, log: RedisLog): void {
  let isLost = false;
  client.on('error', (err: Error) => {
    if (!isLost) log.warn({ err }, 'Redis does not answer: rates are limited for each process by itself');
    isLost = true;
  });
  client.on('ready', () => {
    if (isLost) log.info('Redis is back: rates are limited for all processes together');
    isLost = false;
  });
}
