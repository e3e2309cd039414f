import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { type CheckpointTable, getItem, updateItem } from './checkpoint-table.ts';

/**
 * One worker is active, and others stand by: a lease for the whole stream. The active worker counts up. Another one takes the lease when it has
 * not seen the counter move for the lease's duration by its own clock, so the workers' clocks need not agree. Each holder has a higher term
 * than the one before. Checkpoints are written under a term, so those of a worker that lost the lease are refused.
 */
const KEY = { pk: 'LEASE', sk: 'WORKER' };

const leaseItem = z.object({
  owner: z.string().optional(),
  counter: z.int().nonnegative(),
  term: z.int().positive(),
});

type Lease = z.infer<typeof leaseItem>;

/** The lease is renewed, and looked at, so many times before it runs out. A takeover comes within one and a half of its duration. */
const LOOKS = 4.5;

export interface LeaseOptions {
  readonly table: CheckpointTable;
  /** Different for each run of each worker. */
  readonly owner: string;
  readonly leaseMs: number;
  /** Takes the lease at once from whichever worker holds it, because no other worker lives. */
  readonly takesOver: boolean;
  /** Stops waiting for the lease, and the work under it. */
  readonly signal: AbortSignal;
  readonly log: { info(details: object, message: string): void; warn(details: object, message: string): void };
}

/**
 * Works while this worker holds the lease, again and again until the signal is aborted. Gives the lease up at the end, so that a worker on
 * standby takes over at once.
 *
 * @param work gets the term, and a signal that is aborted once the lease is lost. It has to resolve soon after either signal.
 */
export async function workUnderLease(
  options: LeaseOptions,
  work: (term: number, lost: AbortSignal) => Promise<void>,
): Promise<void> {
  const { signal, log, leaseMs, table, owner } = options;
  while (!signal.aborted) {
    const term = await acquire(options);
    if (term === undefined) return;
    log.info({ owner, term }, 'this worker is active');
    const lost = new AbortController();
    const renewing = renew(table, owner, term, leaseMs, lost, signal, log);
    try {
      if (!signal.aborted) await work(term, lost.signal);
    } finally {
      if (!lost.signal.aborted)
        await release(table, term).catch((err) => log.warn({ err }, 'could not give up the lease'));
      lost.abort();
      await renewing;
    }
  }
}

/** Waits for the lease. @returns the term; undefined once the signal is aborted */
async function acquire(options: LeaseOptions): Promise<number | undefined> {
  const { table, owner, leaseMs, takesOver, signal, log } = options;
  let seen: { readonly counter: number; readonly since: number } | undefined;
  let isWaiting = false;
  while (!signal.aborted) {
    try {
      const item = await getItem(table, KEY);
      // A lease that cannot be read is none.
      const lease = leaseItem.safeParse(item).data;
      const now = performance.now();
      if (lease?.owner !== undefined && seen?.counter !== lease.counter) seen = { counter: lease.counter, since: now };
      // This worker's own lease is one whose taking got no reply.
      const isOwn = lease?.owner === owner;
      const isFree = takesOver || isOwn || lease?.owner === undefined || now - (seen?.since ?? now) >= leaseMs;
      const term = isFree ? await take(table, owner, lease, item) : undefined;
      if (term !== undefined) return term;
      if (!isWaiting && !isFree) {
        log.info({ holder: lease?.owner }, 'another worker is active, standing by');
        isWaiting = true;
      }
    } catch (error) {
      log.warn({ err: error }, 'could not read the lease, trying again');
    }
    await delay(leaseMs / LOOKS, undefined, { signal }).catch(() => {});
  }
  return undefined;
}

/** Renews the lease until it is lost, or until the work has ended. A lease that cannot be renewed in time counts as lost. */
async function renew(
  table: CheckpointTable,
  owner: string,
  term: number,
  leaseMs: number,
  lost: AbortController,
  signal: AbortSignal,
  log: LeaseOptions['log'],
): Promise<void> {
  const everyMs = leaseMs / LOOKS;
  let renewedAt = performance.now();
  while (!lost.signal.aborted) {
    await delay(everyMs, undefined, { signal: lost.signal }).catch(() => {});
    if (lost.signal.aborted) return;
    const startedAt = performance.now();
    const renewal = updateItem(table, KEY, {
      UpdateExpression: 'SET #counter = #counter + :one',
      ConditionExpression: 'term = :term',
      ExpressionAttributeNames: { '#counter': 'counter' },
      ExpressionAttributeValues: { ':one': 1, ':term': term },
    });
    const leftMs = Math.max(0, renewedAt + leaseMs - everyMs - startedAt);
    const isHeld = await Promise.race([
      renewal
        .then((updated) => updated !== undefined)
        .catch((err) => {
          if (!signal.aborted) log.warn({ err }, 'could not renew the lease, trying again');
          return undefined;
        }),
      delay(leftMs, undefined, { signal: lost.signal }).catch(() => undefined),
    ]);
    if (isHeld) renewedAt = startedAt;
    const isLate = performance.now() - renewedAt >= leaseMs - everyMs;
    if (isHeld === false || isLate) {
      if (!lost.signal.aborted) log.warn({ owner, term }, 'the lease is lost');
      lost.abort();
    }
  }
}

/** Takes the lease on condition that it is as it was seen. @returns the term */
async function take(
  table: CheckpointTable,
  owner: string,
  seen: Lease | undefined,
  { term: seenTerm, counter: seenCounter }: Record<string, unknown> = {},
): Promise<number | undefined> {
  // Without a lease nobody knows the last term, which checkpoints have: the time is later than any.
  const term = seen ? seen.term + 1 : Date.now();
  const taken = await updateItem(table, KEY, {
    UpdateExpression: 'SET #owner = :me, #counter = :next, term = :term',
    ConditionExpression: [
      seenTerm === undefined ? 'attribute_not_exists(term)' : 'term = :seenTerm',
      seenCounter === undefined ? 'attribute_not_exists(#counter)' : '#counter = :seenCounter',
    ].join(' AND '),
    ExpressionAttributeNames: { '#owner': 'owner', '#counter': 'counter' },
    ExpressionAttributeValues: {
      ':me': owner,
      ':term': term,
      ':next': (seen?.counter ?? 0) + 1,
      ...(seenTerm !== undefined && { ':seenTerm': seenTerm }),
      ...(seenCounter !== undefined && { ':seenCounter': seenCounter }),
    },
  });
  return taken && term;
}

async function release(table: CheckpointTable, term: number): Promise<void> {
  await updateItem(table, KEY, {
    UpdateExpression: 'SET #counter = #counter + :one REMOVE #owner',
    ConditionExpression: 'term = :term',
    ExpressionAttributeNames: { '#owner': 'owner', '#counter': 'counter' },
    ExpressionAttributeValues: { ':one': 1, ':term': term },
  });
}
