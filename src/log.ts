import { type DestinationStream, pino } from 'pino';
import type { LogLevel } from './config/variables.ts';

export type Log = pino.Logger;

/** The most text that waits for a reader of standard output, in bytes. Lines beyond that are dropped. */
const MAX_WAITING_BYTES = 1024 * 1024;

let dropped = 0;

/** The number of log lines that this process dropped because nothing read them in time. */
export function droppedLogLines(): number {
  return dropped;
}

/**
 * Opens a log of JSON lines, on standard output unless another destination is given. Errors are logged with their causes; headers and
 * bodies never are.
 */
export function openLog(level: LogLevel, destination: DestinationStream = standardOutput()): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: ofError } },
    destination,
  );
}

/**
 * Writes to standard output without ever waiting: Node writes to a pipe at once while there is room, and queues the rest. A full pipe that
 * nothing reads must not stop the process, so lines are dropped until half of the queue was read; then one line tells how many.
 */
function standardOutput(): DestinationStream {
  const { stdout } = process;
  // A reader that has closed the pipe is no reason to end.
  stdout.on('error', () => {});
  let droppedSince = 0;
  return {
    write: (line) => {
      const limit = droppedSince > 0 ? MAX_WAITING_BYTES / 2 : MAX_WAITING_BYTES;
      if (stdout.writableLength + line.length > limit) {
        droppedSince += 1;
        dropped += 1;
        return;
      }
      if (droppedSince > 0) stdout.write(dropNotice(droppedSince));
      droppedSince = 0;
      stdout.write(line);
    },
  };
}

function dropNotice(lines: number): string {
  const msg = 'log lines were dropped because nothing read them';
  return `${JSON.stringify({ level: pino.levels.values['warn'], time: new Date().toISOString(), dropped: lines, msg })}\n`;
}

/** Bounds of an error in the log: its message and its stack, each with those of its causes, in characters, and its inner errors. */
const LONGEST_MESSAGE = 1_000;
const LONGEST_STACK = 8_000;
const MOST_INNER_ERRORS = 10;

/**
 * Picks what of an error is logged. Libraries attach whatever was at hand, such as the command that Redis refused, with the password that
 * was its argument, an item with its message's body, or the whole connection to Postgres.
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
