import { Redis } from 'ioredis';
import { type RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';
import type { RateLimit } from '../config/rate-limits.ts';

type Limiters<Limiter> = Readonly<Record<RateLimit, Limiter>>;

interface RedisLog {
  warn(details: object, message: string): void;
  info(message: string): void;
}

/** No request waits longer for Redis: the process's own count serves it then. */
const COMMAND_TIMEOUT_MS = 250;

const LONGEST_RECONNECT_MS = 2_000;

/** Limiters that count in Redis, each with one in memory to take over while Redis does not answer. */
export function openRedisLimits(
  url: string,
  memory: Limiters<RateLimiterMemory>,
  log: RedisLog,
): { limiters: Limiters<RateLimiterRedis>; close: () => void } {
  const client = new Redis(url, {
    // What can't be counted now is counted in memory, not kept for later.
    enableOfflineQueue: false,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: 1_000,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(attempt * 100, LONGEST_RECONNECT_MS),
  });
  logConnection(client, log);
  const limiter = (limit: RateLimit) =>
    new RateLimiterRedis({
      storeClient: client,
      keyPrefix: `cruddur-messages:${limit}`,
      points: memory[limit].points,
      duration: memory[limit].duration,
      insuranceLimiter: memory[limit],
      rejectIfRedisNotReady: true,
      // Who is over the limit is refused without asking Redis again.
      inMemoryBlockOnConsumed: memory[limit].points + 1,
    });
  return {
    limiters: {
      reads: limiter('reads'),
      sends: limiter('sends'),
      searches: limiter('searches'),
      refusals: limiter('refusals'),
    },
    close: () => client.disconnect(),
  };
}

/** Each loss is told of once, however often connecting fails until Redis is back. */
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
