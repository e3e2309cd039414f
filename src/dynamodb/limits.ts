/** When a call ends at the latest. */
export interface CallLimits {
  /** A time by `performance.now()`. */
  readonly deadline?: number;
  /** Ends the call when it is aborted. */
  readonly signal?: AbortSignal;
}

/** The longest that a call takes, in milliseconds. Covers credentials, signing, connecting, all attempts and reading. */
const LONGEST_CALL_MS = 10_000;

/** The limits of a call ended it. */
class CallEndedError extends Error {
  override readonly name: 'TimeoutError' | 'AbortError';

  constructor(name: CallEndedError['name'], message: string) {
    super(message);
    this.name = name;
  }
}

/**
 * Does work within limits. Rejects at the limit whatever the work does then.
 *
 * @param work is given a signal that is aborted when a limit is reached
 * @throws an Error named TimeoutError at the deadline, or AbortError when the caller aborts
 */
export function withinLimits<Result>(
  { deadline = Number.POSITIVE_INFINITY, signal }: CallLimits,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const controller = new AbortController();
    const end = (error: Error) => {
      reject(error);
      controller.abort();
    };
    const onDeadline = () => end(new CallEndedError('TimeoutError', 'DynamoDB did not answer before the deadline'));
    const onAbort = () => end(new CallEndedError('AbortError', 'The caller ended the call'));
    const leftMs = Math.min(deadline - performance.now(), LONGEST_CALL_MS);
    if (leftMs <= 0) return onDeadline();
    if (signal?.aborted) return onAbort();
    const timer = setTimeout(onDeadline, leftMs);
    signal?.addEventListener('abort', onAbort);
    work(controller.signal)
      .then(resolve, reject)
      .finally(() => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      });
  });
}
