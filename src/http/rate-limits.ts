import { isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { RateLimitsConfig, SharedRateLimit } from '../config/rate-limits.ts';
import { RateLimitedError } from '../errors.ts';

/** A limit: one that processes share, or `requests`, the requests of each person, whatever they ask for. */
export type RateLimit = SharedRateLimit | 'requests';

/** How much a person, or an address, may do in a minute. */
export interface RateLimits {
  /**
   * Counts this much against the limit. What is refused does not count, so that smaller operations still pass.
   *
   * @throws RateLimitedError if it is more than is left for this minute
   */
  spend(limit: RateLimit, who: string, count: number): Promise<void>;
  /** Counts this much, and refuses nothing. If it is more than is left, the excess counts in the minutes after this one. */
  charge(limit: RateLimit, who: string, count: number): void;
  close(): void;
}

interface RateLimitsLog {
  warn(details: object, message: string): void;
  info(message: string): void;
}

const WINDOW_SECONDS = 60;

/** Small limits of reads and sends leave room for ten new documents, of which each counts as ten requests. */
const LEAST_REQUESTS = 100;

/** As many people, or addresses, are counted at once; beyond, those who were counted longest ago start anew. */
const MOST_COUNTED = 20_000;

/** A UUID or an IPv6 address. `X-Forwarded-For` may hold something longer, and a proxy may pass it on. */
const LONGEST_KEY = 45;

/**
 * Opens the limits: in this process's memory, or in Redis where several processes count together. While Redis does not answer, each
 * process counts for itself. The instances of an AWS Lambda function are such processes. Requests are always counted in memory, because
 * the count protects the process.
 */
export async function openRateLimits(config: RateLimitsConfig, log: RateLimitsLog): Promise<RateLimits> {
  const requests = new BoundedMemory(Math.max(config.reads + config.sends, LEAST_REQUESTS));
  const memory = {
    reads: new BoundedMemory(config.reads),
    sends: new BoundedMemory(config.sends),
    searches: new BoundedMemory(config.searches),
    refusals: new BoundedMemory(config.refusals),
  };
  if (config.redisUrl === undefined) return { ...countersOf({ ...memory, requests }), close: () => {} };
  const { openRedisLimits } = await import('./rate-limits-redis.ts');
  const redis = openRedisLimits(config.redisUrl, memory, log);
  return { ...countersOf({ ...redis.counters, requests }), close: redis.close };
}

function countersOf(
  counters: Readonly<Record<RateLimit, Pick<RateLimiterAbstract, 'consume' | 'reward' | 'block' | 'points'>>>,
): Pick<RateLimits, 'spend' | 'charge'> {
  const spend: RateLimits['spend'] = async (limit, who, count) => {
    const [counter, key] = [counters[limit], who.slice(0, LONGEST_KEY)];
    // Points that are given back may count in the next minute, which then has so many more.
    const counted = Math.min(count, counter.points + 1);
    try {
      await counter.consume(key, counted);
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      await counter.reward(key, counted);
      throw new RateLimitedError(Math.max(1, Math.ceil(refusal.msBeforeNext / 1_000)));
    }
  };
  const charge: RateLimits['charge'] = (limit, who, count) => {
    const [counter, key] = [counters[limit], who.slice(0, LONGEST_KEY)];
    const onExcess = async (refusal: unknown) => {
      if (!(refusal instanceof RateLimiterRes)) return;
      const excess = Math.min(count, refusal.consumedPoints - counter.points);
      await counter.block(key, refusal.msBeforeNext / 1_000 + (excess / counter.points) * WINDOW_SECONDS);
    };
    counter
      .consume(key, count)
      .catch(onExcess)
      .catch(() => {});
  };
  return { spend, charge };
}

/** A limiter whose memory does not grow with the number of addresses that somebody comes from. */
class BoundedMemory extends RateLimiterMemory {
  readonly #counted = new LRUCache<string, true>({
    max: MOST_COUNTED,
    dispose: (_, who, reason) => {
      if (reason === 'evict') void this.delete(who);
    },
  });

  constructor(points: number) {
    super({ points, duration: WINDOW_SECONDS });
  }

  override consume(who: string, count?: number): Promise<RateLimiterRes> {
    this.#counted.set(who, true);
    return super.consume(who, count);
  }
}

/** What an address counts as: with IPv6 its network, whose other addresses are as easily had by the same person. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = address.split('::');
  const left = head.split(':').filter(Boolean);
  const right = tail?.split(':').filter(Boolean) ?? [];
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`;
}
