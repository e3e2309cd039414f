import { BrokenCircuitError, CircuitState, ConsecutiveBreaker, circuitBreaker, handleType } from 'cockatiel';
import { UnavailableError } from '../errors.ts';
import { NO_ANSWER } from './directory.ts';

/** So many calls in a row have to time out before the circuit opens. One slow statement among others that are answered opens nothing. */
const TIMEOUTS_TO_OPEN = 5;

/** While the circuit is open, one call in this time tries again, in milliseconds. */
const PROBE_MS = 1_000;

/** The directory did not answer in all of the time that a request has for it. A call with less time tells nothing about the directory. */
export class DirectoryTimeoutError extends UnavailableError {
  constructor(cause?: Error) {
    super(NO_ANSWER, { cause });
  }
}

/** Makes a call to the directory, or throws `UnavailableError` at once while the circuit is open. */
export type DirectoryBreaker = <Result>(call: () => Promise<Result>) => Promise<Result>;

/**
 * Creates the circuit breaker of the directory: after five timeouts in a row, calls fail at once, except for one probe a second. A
 * directory that answers with an error opens nothing, since nobody waits for it.
 *
 * @param onOpen is called each time the circuit opens, also after a probe that failed
 */
export function directoryBreaker(onOpen: () => void = () => {}): DirectoryBreaker {
  const breaker = circuitBreaker(handleType(DirectoryTimeoutError), {
    halfOpenAfter: PROBE_MS,
    breaker: new ConsecutiveBreaker(TIMEOUTS_TO_OPEN),
  });
  breaker.onBreak(onOpen);
  return async (call) => {
    // The library lets calls wait for the probe.
    if (breaker.state === CircuitState.HalfOpen) throw new UnavailableError(NO_ANSWER);
    try {
      return await breaker.execute(call);
    } catch (error) {
      throw error instanceof BrokenCircuitError ? new UnavailableError(NO_ANSWER) : error;
    }
  };
}
