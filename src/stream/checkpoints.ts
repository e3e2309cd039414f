import * as z from 'zod';
import { type CheckpointTable, deleteItem, listItems, updateItem } from './checkpoint-table.ts';

const checkpointItem = z
  .object({
    sk: z.string(),
    term: z.number(),
    checkpoint: z.string().optional(),
    finished: z.boolean().optional(),
    caughtUpAt: z.number().optional(),
    children: z.set(z.string()).optional(),
  })
  .transform(({ sk, term, finished, ...item }) => ({ shardId: sk, finished: finished ?? false, ...item }));

/** The progress with a shard. */
export interface Checkpoint {
  readonly shardId: string;
  /** The sequence number of the last record that is done. */
  readonly checkpoint?: string | undefined;
  readonly finished: boolean;
  /** When all records of the shard were done, in milliseconds since 1970. */
  readonly caughtUpAt?: number | undefined;
  /** The ids of its child shards that were claimed. */
  readonly children?: ReadonlySet<string> | undefined;
}

/**
 * The checkpoints of one stream, under its ARN, so that the stream of a table that was created anew starts afresh. Each write is conditional on
 * no later term having written, so a paused worker that lost the lease can move nothing back.
 */
export class Checkpoints {
  readonly #table: CheckpointTable;
  readonly #streamArn: string;
  readonly #term: number;

  constructor(table: CheckpointTable, streamArn: string, term: number) {
    this.#table = table;
    this.#streamArn = streamArn;
    this.#term = term;
  }

  /** Reads all checkpoints of the stream consistently. Those that cannot be read are deleted, so they count as lost. */
  async list(): Promise<Checkpoint[]> {
    const checkpoints: Checkpoint[] = [];
    for (const item of await listItems(this.#table, this.#streamArn)) {
      const { data } = checkpointItem.safeParse(item);
      if (data) checkpoints.push(data);
      else await this.forget(String(item['sk']));
    }
    return checkpoints;
  }

  /**
   * Makes the shard this term's.
   *
   * @returns its progress so far, undefined for a shard that no worker read before, or `lost` if a later term has it
   */
  async claim(shardId: string): Promise<Checkpoint | undefined | 'lost'> {
    const before = await updateItem(this.#table, this.#key(shardId), {
      UpdateExpression: 'SET term = :term',
      ConditionExpression: 'attribute_not_exists(term) OR term <= :term',
      ExpressionAttributeValues: { ':term': this.#term },
      ReturnValues: 'ALL_OLD',
    });
    if (!before) return 'lost';
    // Some engines return the key of an item that did not exist.
    return 'term' in before ? checkpointItem.parse(before) : undefined;
  }

  /**
   * Notes beside its parent's checkpoint that a child shard was claimed: a checkpoint of the child that is missing later was lost. Nothing is
   * noted if the parent has no checkpoint.
   */
  async noteChild(parentId: string, shardId: string): Promise<void> {
    await updateItem(this.#table, this.#key(parentId), {
      UpdateExpression: 'ADD children :child',
      ConditionExpression: 'term <= :term',
      ExpressionAttributeValues: { ':term': this.#term, ':child': new Set([shardId]) },
    });
  }

  /** Records that all records up to this one are done. @returns whether the term still holds */
  save(shardId: string, sequenceNumber: string): Promise<boolean> {
    return this.#update(shardId, 'checkpoint = :value', sequenceNumber);
  }

  /** Records that all records of the shard so far are done. @returns whether the term still holds */
  caughtUp(shardId: string, now: number): Promise<boolean> {
    return this.#update(shardId, 'caughtUpAt = :value', now);
  }

  /** Records that the shard was read to its end. @returns whether the term still holds */
  finish(shardId: string): Promise<boolean> {
    return this.#update(shardId, 'finished = :value', true);
  }

  /** Deletes the checkpoint of a shard that is no longer in the stream. */
  async forget(shardId: string): Promise<void> {
    await deleteItem(this.#table, this.#key(shardId));
  }

  #key(shardId: string) {
    return { pk: this.#streamArn, sk: shardId };
  }

  async #update(shardId: string, assignment: string, value: string | number | boolean): Promise<boolean> {
    const updated = await updateItem(this.#table, this.#key(shardId), {
      UpdateExpression: `SET ${assignment}`,
      ConditionExpression: 'term = :term',
      ExpressionAttributeValues: { ':term': this.#term, ':value': value },
    });
    return updated !== undefined;
  }
}
