import { isIP, isIPv6 } from 'node:net';
import * as z from 'zod';
import { address, integer, list } from './variables.ts';

/** How much is let through in a minute. */
export interface RateLimitsConfig {
  /** Fields of queries, for each person. */
  readonly reads: number;
  /** Fields of mutations, for each person. */
  readonly sends: number;
  /** Searches for people, for each person. */
  readonly searches: number;
  /** Requests without a valid token, for each address. */
  readonly refusals: number;
  /** Where several processes count together; each counts for itself when absent. */
  readonly redisUrl: string | undefined;
}

/** The limits that processes count together in Redis: reads, sends and searches of each person, and refusals of each address. */
export type SharedRateLimit = Exclude<keyof RateLimitsConfig, 'redisUrl'>;

/** The names that Fastify has for ranges: 127.0.0.1/8 and the like. */
const RANGES = ['loopback', 'linklocal', 'uniquelocal'];

/**
 * Variables that limit rates. The defaults are ten times and more what a user interface asks for that polls two lists every 5 s in several
 * windows.
 */
export const rateLimitVariables = {
  RATE_LIMIT_READS: integer(1, 999_999).default(1_200),
  RATE_LIMIT_SENDS: integer(1, 999_999).default(300),
  RATE_LIMIT_SEARCHES: integer(1, 999_999).default(60),
  RATE_LIMIT_REFUSALS: integer(1, 999_999).default(60),
  RATE_LIMIT_REDIS_URL: address(['redis', 'rediss']).optional(),
  TRUST_PROXY: list.refine(
    (ranges) => ranges.every(isRange),
    `must be addresses, ranges as 10.0.0.0/8, or ${RANGES.join(', ')}`,
  ),
};

const shape = z.object(rateLimitVariables);

export function rateLimits(given: z.infer<typeof shape>): RateLimitsConfig {
  return {
    reads: given.RATE_LIMIT_READS,
    sends: given.RATE_LIMIT_SENDS,
    searches: given.RATE_LIMIT_SEARCHES,
    refusals: given.RATE_LIMIT_REFUSALS,
    redisUrl: given.RATE_LIMIT_REDIS_URL,
  };
}

export const DEFAULT_RATE_LIMITS: RateLimitsConfig = rateLimits(shape.parse({}));

function isRange(text: string): boolean {
  if (RANGES.includes(text)) return true;
  const [network = '', length, ...more] = text.split('/');
  if (isIP(network) === 0 || more.length > 0) return false;
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= (isIPv6(network) ? 128 : 32));
}
