/** A number of places, each for one operation at a time, and a queue for them. */
export class Places {
  readonly #maxWaiting: number;
  readonly #maxWaitMs: number;
  readonly #waiting = new Set<() => void>();
  #free: number;

  /**
   * @param maxWaiting how many may wait for a place
   * @param maxWaitMs how long each may wait, in milliseconds
   */
  constructor(count: number, maxWaiting: number, maxWaitMs: number) {
    this.#free = count;
    this.#maxWaiting = maxWaiting;
    this.#maxWaitMs = maxWaitMs;
  }

  /**
   * Waits for a place, first come first served. Whoever gives up leaves the queue.
   *
   * @returns what gives the place back, to be called once; undefined if there is no place, or not in time
   */
  async enter(): Promise<(() => void) | undefined> {
    if (this.#free > 0) {
      this.#free -= 1;
      return this.#leave;
    }
    if (this.#waiting.size >= this.#maxWaiting) return undefined;
    const isIn = await new Promise<boolean>((resolve) => {
      const letIn = () => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(letIn);
        resolve(false);
      }, this.#maxWaitMs);
      this.#waiting.add(letIn);
    });
    return isIn ? this.#leave : undefined;
  }

  readonly #leave = (): void => {
    const [next] = this.#waiting;
    if (!next) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  };
}
