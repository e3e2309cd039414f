import { pino } from 'pino';
import type { LogLevel } from './config/variables.ts';

export type Log = pino.Logger;

/** A log of JSON lines on standard output. Errors are logged with their causes; headers and bodies never are. */
export function openLog(level: LogLevel): Log {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  // Synchronous: what is left to flush when nobody reads any more would keep the process from ending.
  return pino(options, pino.destination({ dest: 1, sync: true }));
}
