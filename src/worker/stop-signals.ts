import { setMaxListeners } from 'node:events';

/** The time that batches have to settle once the worker stops, in milliseconds. The next worker has less to do over. */
const LAST_BATCH_MS = 2_000;

/** The signals under which a stream is read. */
export interface StopSignals {
  /** Ends the reading. Batches under way go on. */
  readonly ending: AbortSignal;
  /** Gives up all calls, 2 s after a stop, and at once when the lease is lost. */
  readonly gaveUp: AbortSignal;
  /** Gives up all calls. */
  readonly giveUp: () => void;
  /** Stops following the worker's stop and the lease. */
  readonly release: () => void;
}

/** Derives the signals from the worker's stop, and from the loss of the lease. */
export function stopSignals(stop: AbortSignal, lost: AbortSignal): StopSignals {
  const [ending, givingUp] = [new AbortController(), new AbortController()];
  // All calls of a batch listen to it, which are more than Node takes for intended.
  setMaxListeners(0, ending.signal, givingUp.signal);
  const giveUp = () => {
    ending.abort();
    givingUp.abort();
  };
  const onStop = () => {
    ending.abort();
    setTimeout(() => givingUp.abort(), LAST_BATCH_MS).unref();
  };
  stop.addEventListener('abort', onStop, { once: true });
  lost.addEventListener('abort', giveUp, { once: true });
  if (stop.aborted) onStop();
  if (lost.aborted) giveUp();
  const release = () => {
    stop.removeEventListener('abort', onStop);
    lost.removeEventListener('abort', giveUp);
  };
  return { ending: ending.signal, gaveUp: givingUp.signal, giveUp, release };
}
