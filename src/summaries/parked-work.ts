import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { type CheckpointTable, listItems, updateItem } from '../stream/checkpoint-table.ts';
import { getProfiles } from '../table/profiles.ts';
import type { Table } from '../table/table.ts';
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
  readonly #table: Table;
  readonly #log: ParkedWorkLog;
  readonly #onCount: (count: number) => void;
  /** The version of each parked summary, by its sort key. */
  readonly #versions = new Map<string, string>();

  /** @param onCount is called with the number of parked summaries whenever it changes */
  constructor(store: CheckpointTable, table: Table, log: ParkedWorkLog, onCount: (count: number) => void = () => {}) {
    this.#store = store;
    this.#table = table;
    this.#log = log;
    this.#onCount = onCount;
  }

  has(messageGroupId: string, userId: string): boolean {
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

  /** Loads the parked work of earlier workers. */
  async load(): Promise<void> {
    const items = await listParked(this.#store);
    this.#versions.clear();
    for (const { sk, version } of items) this.#versions.set(sk, version);
    this.#onCount(this.#versions.size);
  }

  /** Writes parked summaries from their logs until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    let waitMs = ATTEMPT_MS;
    while (!signal.aborted) {
      await delay(waitMs, undefined, { signal }).catch(() => {});
      if (signal.aborted || this.#versions.size === 0) continue;
      try {
        const done = await this.attempt(signal);
        waitMs = done > 0 ? ATTEMPT_MS : Math.min(waitMs * 2, LONGEST_WAIT_MS);
      } catch (error) {
        waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
        if (!signal.aborted) this.#log.warn({ err: error }, 'could not read the parked work, trying again');
      }
    }
  }

  /** Tries to write each parked summary once. @returns the number that were written */
  async attempt(signal?: AbortSignal): Promise<number> {
    let done = 0;
    for (const item of await listParked(this.#store)) {
      if (signal?.aborted) break;
      try {
        if (!(await this.#write(item))) continue;
        done += 1;
        this.#log.info({ messageGroupId: item.messageGroupId, userId: item.userId }, 'a parked summary is written');
      } catch (error) {
        this.#log.warn(
          { err: error, messageGroupId: item.messageGroupId, userId: item.userId },
          'a summary stays parked',
        );
      }
    }
    return done;
  }

  async #write({ sk, messageGroupId, userId, version }: ParkedItem): Promise<boolean> {
    const known = this.#versions.get(sk);
    const profile = (await getProfiles(this.#table, [messageGroupId], { consistent: true })).get(messageGroupId);
    const members = userId === ALL_MEMBERS ? profile?.memberIds : [userId];
    // Without a profile there is nothing to write: "summaries verify" reports it.
    if (profile && !(await repairMembers(this.#table, profile, members ?? []))) return false;
    try {
      await this.#store.client.send(
        new DeleteCommand({
          TableName: this.#store.name,
          Key: { pk: PARTITION, sk },
          ConditionExpression: 'version = :version',
          ExpressionAttributeValues: { ':version': version },
        }),
      );
    } catch (error) {
      // It was parked again in the meantime, so it has to be written again.
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
    // It may have been parked again since it was deleted.
    if ([known, version].includes(this.#versions.get(sk))) this.#versions.delete(sk);
    this.#onCount(this.#versions.size);
    return true;
  }
}
