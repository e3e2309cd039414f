import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pLimit from 'p-limit';
import * as z from 'zod';
import { type CheckpointTable, deleteItem, listItems, updateItem } from '../stream/checkpoint-table.ts';
import { getProfile, hasProfile } from '../table/profiles.ts';
import { limitCalls, type Table } from '../table/table.ts';
import { repairMembers } from './rebuild.ts';

const PARTITION = 'PARKED';

/** Stands for all members of a group, if its profile could not be read. */
const ALL_MEMBERS = '*';

const parkedItem = z
  .object({ sk: z.string(), version: z.string(), parkedAt: z.string() })
  .transform(({ sk, ...item }) => {
    const [messageGroupId = '', userId = ''] = sk.split('#');
    return { sk, messageGroupId, userId, ...item };
  });

/** A summary that could not be written, kept by its keys. It is written from the group's log as soon as it can be. */
export type ParkedItem = z.infer<typeof parkedItem>;

/** The time between two attempts at all parked work, in milliseconds. It doubles while all attempts fail. */
const ATTEMPT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

/** Parked summaries that are tried at once, and the deadline of each call, in milliseconds. One that hangs must not delay the others. */
const CONCURRENCY = 32;
const CALL_MS = 2_000;

interface ParkedWorkLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/** Lists all parked work. Items that cannot be read are left out. */
export async function listParked(store: CheckpointTable): Promise<ParkedItem[]> {
  return (await listItems(store, PARTITION)).flatMap((item) => parkedItem.safeParse(item).data ?? []);
}

/** Summaries that are parked beside the checkpoints, so that their shards go on. */
export class ParkedWork {
  readonly #store: CheckpointTable;
  readonly #log: ParkedWorkLog;
  readonly #onCount: (count: number) => void;
  /** The version of each parked summary, by its sort key. */
  readonly #versions = new Map<string, string>();

  /** @param onCount is called with the number of parked summaries whenever it changes */
  constructor(store: CheckpointTable, log: ParkedWorkLog, onCount: (count: number) => void = () => {}) {
    this.#store = store;
    this.#log = log;
    this.#onCount = onCount;
  }

  /** Tells whether a member's summary of a group is parked, or all summaries of the group. */
  has(messageGroupId: string, userId: string = ALL_MEMBERS): boolean {
    return this.#versions.has(`${messageGroupId}#${userId}`) || this.#versions.has(`${messageGroupId}#${ALL_MEMBERS}`);
  }

  /** Parks a member's summary of a group, or all summaries of the group. Parking it again makes another version. */
  async park(messageGroupId: string, userId: string = ALL_MEMBERS): Promise<void> {
    const sk = `${messageGroupId}#${userId}`;
    const version = randomUUID();
    await updateItem(
      this.#store,
      { pk: PARTITION, sk },
      {
        UpdateExpression: 'SET version = :version, parkedAt = if_not_exists(parkedAt, :now)',
        ExpressionAttributeValues: { ':version': version, ':now': new Date().toISOString() },
      },
    );
    if (!this.#versions.has(sk)) this.#log.warn({ messageGroupId, userId }, 'a summary is parked');
    this.#versions.set(sk, version);
    this.#onCount(this.#versions.size);
  }

  /** Loads all parked work, also that of other workers. */
  async load(): Promise<readonly ParkedItem[]> {
    const before = [...this.#versions];
    const items = await listParked(this.#store);
    const listed = new Map(items.map(({ sk, version }) => [sk, version]));
    for (const [sk, version] of before)
      if (!listed.has(sk) && this.#versions.get(sk) === version) this.#versions.delete(sk);
    for (const [sk, version] of listed) if (!this.#versions.has(sk)) this.#versions.set(sk, version);
    this.#onCount(this.#versions.size);
    return items;
  }

  /** Writes parked summaries from their logs until the signal is aborted. */
  async run(table: Table, signal: AbortSignal): Promise<void> {
    let waitMs = ATTEMPT_MS;
    while (!signal.aborted) {
      await delay(waitMs, undefined, { signal }).catch(() => {});
      if (signal.aborted || this.#versions.size === 0) continue;
      try {
        const done = await this.attempt(table, () => !signal.aborted);
        waitMs = done > 0 ? ATTEMPT_MS : Math.min(waitMs * 2, LONGEST_WAIT_MS);
      } catch (error) {
        waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
        if (!signal.aborted) this.#log.warn({ err: error }, 'could not read the parked work, trying again');
      }
    }
  }

  /** Tries to write each parked summary once, while there is time. @returns the number that were written */
  async attempt(table: Table, isInTime: () => boolean = () => true): Promise<number> {
    const limit = pLimit(CONCURRENCY);
    const items = await this.load();
    // Where time is too short for all, others come first at the next attempt.
    const start = Math.floor(Math.random() * items.length);
    const outcomes = await Promise.all(
      [...items.slice(start), ...items.slice(0, start)].map((item) =>
        limit(async () => isInTime() && this.#tryToWrite(table, item)),
      ),
    );
    return outcomes.filter(Boolean).length;
  }

  async #tryToWrite(table: Table, item: ParkedItem): Promise<boolean> {
    const details = { messageGroupId: item.messageGroupId, userId: item.userId };
    try {
      if (!(await this.#write(limitCalls(table, CALL_MS), item))) return false;
      this.#log.info(details, 'a parked summary is written');
      return true;
    } catch (error) {
      this.#log.warn({ err: error, ...details }, 'a summary stays parked');
      return false;
    }
  }

  async #write(table: Table, { sk, messageGroupId, userId, version }: ParkedItem): Promise<boolean> {
    const known = this.#versions.get(sk);
    const profile = await getProfile(table, messageGroupId, { consistent: true });
    // It stays parked until its profile can be read. Without a profile there is nothing to write: "summaries verify" reports it.
    if (!profile && (await hasProfile(table, messageGroupId))) return false;
    const memberIds = profile?.memberIds.filter((id) => userId === ALL_MEMBERS || userId === id) ?? [];
    if (profile && !(await repairMembers(table, profile, memberIds))) return false;
    // It may have been parked again in the meantime. Then it has to be written again.
    if (!(await deleteItem(this.#store, { pk: PARTITION, sk }, version))) return false;
    // It may have been parked again since it was deleted.
    if ([known, version].includes(this.#versions.get(sk))) this.#versions.delete(sk);
    this.#onCount(this.#versions.size);
    return true;
  }
}
