/** A batch that is done. */
export interface DoneBatch {
  readonly shardId: string;
  readonly records: number;
  /** How long ago the last of them was written. */
  readonly lagMs: number;
}

/** Told how far the shards are that this reader holds. */
export interface ShardWatch {
  onBatch(batch: DoneBatch): void;
  /** All records of the shard so far are done. */
  onCaughtUp(shardId: string): void;
  /**
   * Is called when records of the shard begin or cease to wait.
   *
   * @param since when the oldest of them was written, or when the shard was read for the last time if it cannot be read, in milliseconds since
   *   1970; undefined if none wait
   */
  onWaiting(shardId: string, since: number | undefined): void;
  /** The shard is at its end, or another reader's from now on. */
  onLeft(shardId: string): void;
}
