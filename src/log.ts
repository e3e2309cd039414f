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

/** Bounds of an error in the log: its message and its stack, each with those of its causes, in characters, and its inner errors. */
const LONGEST_MESSAGE = 1_000;
const LONGEST_STACK = 8_000;
const MOST_INNER_ERRORS = 10;

/**
 * What of an error is logged, and nothing else: libraries hang on it whatever was at hand when it happened, such as the command that Redis
 * refused, with the password that was its argument, an item with its message's body, or the whole connection to Postgres.
 */
function ofError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error).slice(0, LONGEST_MESSAGE);
  const { type, message, stack, code, $metadata, aggregateErrors } = pino.stdSerializers.err(error);
  const inner = error instanceof AggregateError &&
    aggregateErrors && { aggregateErrors: error.errors.slice(0, MOST_INNER_ERRORS).map(ofError) };
  return {
    type,
    message: message.slice(0, LONGEST_MESSAGE),
    stack: stack.slice(0, LONGEST_STACK),
    code,
    $metadata,
    ...inner,
  };
}
