/** A batch that is done. */
export interface DoneBatch {
  readonly shardId: string;
  readonly records: number;
  /** The number of dead letters among them. */
  readonly deadLetters: number;
  /** How long ago the last of them was written. */
  readonly lagMs: number;
}

/** Told how far the shards are that this reader holds. */
export interface ShardWatch {
  onBatch(batch: DoneBatch): void;
  /** There is nothing more to read in the shard for the moment. */
  onCaughtUp(shardId: string): void;
  /** The shard is at its end, or another reader's from now on. */
  onLeft(shardId: string): void;
}
