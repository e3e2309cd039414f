import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  paginateQuery,
  UpdateCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';

/**
 * Who reads which shard, and how far it was read: an item for each shard, under the stream's ARN, so that the
 * stream of a table that was made anew starts afresh. Every change is conditional on being the owner, so that the
 * checkpoint of an owner who lost the shard is refused.
 *
 * An owner shows that it lives by counting up. Another worker takes the shard when it has not seen the counter move for the
 * lease's duration by its own clock: the workers' clocks need not agree.
 */

const leaseItem = z
  .object({
    sk: z.string(),
    owner: z.string().optional(),
    counter: z.int().nonnegative(),
    checkpoint: z.string().optional(),
    finished: z.boolean().optional(),
  })
  .transform(({ sk, owner, counter, checkpoint, finished }) => ({
    shardId: sk,
    owner,
    counter,
    checkpoint,
    finished: finished ?? false,
  }));

/** What is known of a shard. */
export type Lease = z.infer<typeof leaseItem>;

export interface LeaseTable {
  readonly client: DynamoDBDocumentClient;
  readonly name: string;
}

/** The leases of one stream, as one worker sees and changes them. */
export class Leases {
  readonly #table: LeaseTable;
  readonly #streamArn: string;
  readonly #owner: string;

  /** @param owner different for each run of each worker */
  constructor(table: LeaseTable, streamArn: string, owner: string) {
    this.#table = table;
    this.#streamArn = streamArn;
    this.#owner = owner;
  }

  /** All leases of the stream, read consistently. */
  async list(): Promise<Lease[]> {
    const pages = paginateQuery(
      { client: this.#table.client },
      {
        TableName: this.#table.name,
        KeyConditionExpression: 'pk = :stream',
        ExpressionAttributeValues: { ':stream': this.#streamArn },
        ConsistentRead: true,
      },
    );
    const leases: Lease[] = [];
    for await (const { Items = [] } of pages) leases.push(...Items.map((item) => leaseItem.parse(item)));
    return leases;
  }

  isMine({ owner }: Lease): boolean {
    return owner === this.#owner;
  }

  /**
   * Takes a shard, on condition that it is as it was seen: new, or with the same counter.
   *
   * @returns the lease as it is held now; undefined when it is not
   */
  async take(shardId: string, seen: Lease | undefined): Promise<Lease | undefined> {
    const taken = await this.#update(shardId, {
      UpdateExpression: 'SET #owner = :me, #counter = :next',
      ConditionExpression: seen ? '#counter = :seen' : 'attribute_not_exists(pk)',
      ExpressionAttributeNames: { '#counter': 'counter' },
      ExpressionAttributeValues: { ':next': (seen?.counter ?? 0) + 1, ...(seen && { ':seen': seen.counter }) },
      // The owner before may have checkpointed since.
      ReturnValues: 'ALL_NEW',
    });
    return taken && leaseItem.parse(taken);
  }

  /** Shows that the owner lives. @returns whether the shard is still held */
  renew(shardId: string): Promise<boolean> {
    return this.#updateMine(shardId, 'SET #counter = #counter + :one', {
      ExpressionAttributeNames: { '#counter': 'counter' },
      ExpressionAttributeValues: { ':one': 1 },
    });
  }

  /** Writes down that all records up to this one are done. @returns whether the shard is still held */
  checkpoint(shardId: string, sequenceNumber: string): Promise<boolean> {
    return this.#updateMine(shardId, 'SET checkpoint = :checkpoint', {
      ExpressionAttributeValues: { ':checkpoint': sequenceNumber },
    });
  }

  /** Writes down that the shard was read to its end, and gives it up. @returns whether it was still held */
  finish(shardId: string): Promise<boolean> {
    return this.#updateMine(shardId, 'SET finished = :yes, #counter = #counter + :one REMOVE #owner', {
      ExpressionAttributeNames: { '#counter': 'counter' },
      ExpressionAttributeValues: { ':yes': true, ':one': 1 },
    });
  }

  /** Hands the shard over to whoever takes it next, without a wait. @returns whether it was still held */
  release(shardId: string): Promise<boolean> {
    return this.#updateMine(shardId, 'SET #counter = #counter + :one REMOVE #owner', {
      ExpressionAttributeNames: { '#counter': 'counter' },
      ExpressionAttributeValues: { ':one': 1 },
    });
  }

  /** Forgets a shard that is no longer in the stream. */
  async forget(shardId: string): Promise<void> {
    await this.#table.client.send(
      new DeleteCommand({ TableName: this.#table.name, Key: { pk: this.#streamArn, sk: shardId } }),
    );
  }

  async #updateMine(shardId: string, expression: string, values: Partial<UpdateCommandInput>): Promise<boolean> {
    const updated = await this.#update(shardId, {
      ...values,
      UpdateExpression: expression,
      ConditionExpression: '#owner = :me',
    });
    return updated !== undefined;
  }

  /** @returns the attributes that were asked for; undefined when the condition does not hold */
  async #update(shardId: string, input: Partial<UpdateCommandInput>): Promise<Record<string, unknown> | undefined> {
    try {
      const { Attributes = {} } = await this.#table.client.send(
        new UpdateCommand({
          ...input,
          TableName: this.#table.name,
          Key: { pk: this.#streamArn, sk: shardId },
          ExpressionAttributeNames: { '#owner': 'owner', ...input.ExpressionAttributeNames },
          ExpressionAttributeValues: { ':me': this.#owner, ...input.ExpressionAttributeValues },
        }),
      );
      return Attributes;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return undefined;
      throw error;
    }
  }
}

/** Tells which leases were left by an owner that died: those whose counter did not move for the lease's duration. */
export class LeaseWatch {
  readonly #durationMs: number;
  readonly #seen = new Map<string, { readonly counter: number; readonly since: number }>();

  constructor(durationMs: number) {
    this.#durationMs = durationMs;
  }

  /**
   * Whether the lease is free, or its owner has not moved since long enough.
   *
   * @param now milliseconds of a clock that only goes forward
   */
  isFree(lease: Lease, now: number): boolean {
    if (lease.owner === undefined) return true;
    const seen = this.#seen.get(lease.shardId);
    if (seen?.counter === lease.counter) return now - seen.since >= this.#durationMs;
    this.#seen.set(lease.shardId, { counter: lease.counter, since: now });
    return false;
  }
}
