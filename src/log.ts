import { pino } from 'pino';
import type { LogLevel } from './config.ts';

export type Log = pino.Logger;

/** A log of JSON lines on standard output. Errors are logged with their causes; headers and bodies never are. */
export function openLog(level: LogLevel): Log {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime });
}
