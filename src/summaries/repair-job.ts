import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { type CheckpointTable, getItem, updateItem } from '../stream/checkpoint-table.ts';
import { takesWrites } from '../table/health.ts';
import type { Table } from '../table/table.ts';
import type { ParkedWork } from './parked-work.ts';
import { auditPart } from './rebuild.ts';

/** The repair of all summaries: there is at most one, and its state lies beside the checkpoints. */
const KEY = { pk: 'REPAIR', sk: 'SUMMARIES' };

const repairItem = z.object({
  version: z.string(),
  reason: z.string(),
  position: z.string().optional(),
  repaired: z.int().nonnegative(),
  isDone: z.boolean(),
});

type Repair = z.infer<typeof repairItem>;

/** The time between two looks for a repair that was requested, and the longest wait after a failure, in milliseconds. */
const LOOK_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

interface RepairLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/** Requests a repair of all summaries. A repair that is under way begins again. */
export async function requestRepair(store: CheckpointTable, reason: string): Promise<void> {
  await updateItem(store, KEY, {
    UpdateExpression: 'SET version = :version, reason = :reason, repaired = :none, isDone = :no REMOVE #position',
    ExpressionAttributeNames: { '#position': 'position' },
    ExpressionAttributeValues: { ':version': randomUUID(), ':reason': reason, ':none': 0, ':no': false },
  });
}

/** The parts of a repair. */
export interface RepairParts {
  readonly store: CheckpointTable;
  readonly table: Table;
  /** Takes the groups that fail, so that the repair goes past them. */
  readonly parked: ParkedWork;
  readonly log: RepairLog;
  /** Ends the repair, which goes on at the next start. */
  readonly signal?: AbortSignal;
}

/** Does one part of the repair that was requested last, if there is one. @returns whether there is more to do */
export async function repairPart({ store, table, parked, log, signal }: RepairParts): Promise<boolean> {
  const repair = await readRepair(store);
  if (!repair || repair.isDone) return false;
  if (repair.position === undefined) log.warn({ reason: repair.reason }, 'all summaries are compared with the logs');
  const { findings, repaired, next } = await auditPart(table, repair.position, {
    repair: true,
    onFailure: async (messageGroupId, error) => {
      signal?.throwIfAborted();
      // In an outage all groups fail. The part is then repeated.
      if (!(await takesWrites(table))) throw error;
      await parked.park(messageGroupId);
    },
  });
  for (const finding of findings) log.warn(finding, 'found while summaries were repaired');
  const total = repair.repaired + repaired;
  const isStill = await updateItem(store, KEY, {
    UpdateExpression: `SET repaired = :total, isDone = :done${next === undefined ? ' REMOVE #position' : ', #position = :next'}`,
    // A paused old worker may come with a part that was done long ago.
    ConditionExpression: `version = :version AND ${repair.position === undefined ? 'attribute_not_exists(#position)' : '#position = :position'} AND isDone = :no`,
    ExpressionAttributeNames: { '#position': 'position' },
    ExpressionAttributeValues: {
      ':total': total,
      ':done': next === undefined,
      ':version': repair.version,
      ':no': false,
      ...(repair.position !== undefined && { ':position': repair.position }),
      ...(next !== undefined && { ':next': next }),
    },
  });
  if (isStill && next === undefined) log.warn({ repaired: total, reason: repair.reason }, 'summaries repaired');
  return !(isStill && next === undefined);
}

/** Repairs all summaries whenever that was requested, until the signal is aborted. Goes on where an earlier worker stopped. */
export async function runRepairs(parts: RepairParts & { readonly signal: AbortSignal }): Promise<void> {
  const { log, signal } = parts;
  let waitMs = LOOK_MS;
  while (!signal.aborted) {
    try {
      const hasMore = await repairPart(parts);
      waitMs = LOOK_MS;
      if (hasMore) continue;
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ err: error }, 'could not repair summaries, trying again');
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    }
    await delay(waitMs, undefined, { signal }).catch(() => {});
  }
}

async function readRepair(store: CheckpointTable): Promise<Repair | undefined> {
  const item = await getItem(store, KEY);
  const repair = repairItem.safeParse(item).data;
  if (!item || repair) return repair;
  await requestRepair(store, 'the state of the last repair could not be read');
  return readRepair(store);
}
