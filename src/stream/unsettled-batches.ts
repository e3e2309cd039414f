/** Batches of a shard whose records are not all done. More of them would have to be processed again after a crash. */
const MAX_UNSETTLED = 200;

/**
 * Saves the checkpoints of a shard in order. A batch is checkpointed once it and all batches before it are settled, while the shard is read
 * on: a write that fails must not delay the records after it.
 */
export class UnsettledBatches {
  readonly #save: (sequenceNumber: string) => Promise<boolean>;
  readonly #onError: (error: unknown) => void;
  #count = 0;
  #last: Promise<void> = Promise.resolve();
  #isLost = false;

  /**
   * @param save saves a checkpoint, and resolves with whether the shard is still this worker's
   * @param onError is called if a batch is given up, or a checkpoint cannot be saved. Nothing is saved after it.
   */
  constructor(save: (sequenceNumber: string) => Promise<boolean>, onError: (error: unknown) => void) {
    this.#save = save;
    this.#onError = onError;
  }

  /** The number of batches that are not settled. */
  get count(): number {
    return this.#count;
  }

  /**
   * Adds a batch by its last sequence number. Waits while there are too many.
   *
   * @returns whether the shard is still this worker's
   */
  async add(sequenceNumber: string, settled: Promise<void>): Promise<boolean> {
    this.#count += 1;
    // The batch may be given up before those ahead of it are settled.
    settled.catch(() => {});
    this.#last = this.#last
      .then(() => settled)
      .then(async () => {
        if (this.#isLost || (await this.#save(sequenceNumber))) this.#count -= 1;
        else this.#isLost = true;
      })
      .catch((error) => {
        if (!this.#isLost) this.#onError(error);
        this.#isLost = true;
      });
    if (this.#count >= MAX_UNSETTLED) await this.#last;
    return !this.#isLost;
  }

  /** Waits until all batches are settled. @returns whether all were checkpointed */
  async settled(): Promise<boolean> {
    await this.#last;
    return !this.#isLost;
  }
}
