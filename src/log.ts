import { type DestinationStream, pino } from 'pino';
import type { LogLevel } from './config/variables.ts';

export type Log = pino.Logger;

/**
 * A log of JSON lines, on standard output unless another destination is given. Errors are logged with their causes; headers and bodies
 * never are.
 */
export function openLog(level: LogLevel, destination: DestinationStream = standardOutput()): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: ofError } },
    destination,
  );
}

/** Synchronous: what is left to flush when nobody reads any more would keep the process from ending. */
function standardOutput(): DestinationStream {
  return pino.destination({ dest: 1, sync: true });
}

/**
 * What of an error is logged, and nothing else: libraries hang on it whatever was at hand when it happened, such as the command that Redis
 * refused, with the password that was its argument, an item with its message's body, or the whole connection to Postgres.
 */
function ofError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const { type, message, stack, code, $metadata, aggregateErrors } = pino.stdSerializers.err(error);
  const inner = error instanceof AggregateError && aggregateErrors && { aggregateErrors: error.errors.map(ofError) };
  return { type, message, stack, code, $metadata, ...inner };
}
