/** One call to an engine, as it is reported once it has ended. */
export interface Call {
  /** What was called: the API's name of the operation, or the method. */
  readonly operation: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** With the client's own retries. */
  readonly durationMs: number;
  /** The name of the error, or of its cause where it has one; undefined for a call that succeeded. */
  readonly error: string | undefined;
}

/** Makes a call, and tells of it with its result, if it has one. */
export async function timed<Result>(
  operation: string,
  make: () => Promise<Result>,
  onCall: (call: Call, result: Result | undefined) => void,
): Promise<Result> {
  const startedAt = Date.now();
  const start = performance.now();
  const ended = (error: string | undefined): Call => ({
    operation,
    startedAt,
    durationMs: performance.now() - start,
    error,
  });
  try {
    const result = await make();
    onCall(ended(undefined), result);
    return result;
  } catch (error) {
    const { cause } = error as Error;
    onCall(ended((cause instanceof Error ? cause : (error as Error)).name), undefined);
    throw error;
  }
}

/**
 * The result of work that has so many milliseconds. What comes of it later is of no interest any more.
 *
 * @throws what `refusal` makes of the error that tells of the time
 */
export async function within<Result>(
  milliseconds: number,
  work: Promise<Result>,
  refusal: (late: Error) => Error = (late) => late,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const lateness = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(refusal(new Error(`No answer within ${milliseconds} ms`))), milliseconds);
  });
  try {
    return await Promise.race([work, lateness]);
  } finally {
    clearTimeout(timer);
  }
}
