import closeWithGrace from 'close-with-grace';
import { ConfigError } from './config/environment.ts';
import type { Log } from './log.ts';

/** Starts a process. One that can't be started ends with exit code 1, and with a sentence where the configuration is at fault. */
export async function startProcess(start: () => Promise<void>): Promise<void> {
  try {
    await start();
  } catch (error) {
    process.stderr.write(`${error instanceof ConfigError ? error.message : (error as Error).stack}\n`);
    process.exit(1);
  }
}

/**
 * Drains the process and ends it, on SIGTERM, SIGINT, an unexpected error, or the death of the parent that talks to it. The exit code is 0
 * when all was drained in time.
 */
export function drainOnStop(log: Log, patienceMs: number, drain: () => Promise<void>): void {
  // graphql-js 16 leaves promises behind that reject later, if a field next to them fails at once. That is no reason to stop.
  process.on('unhandledRejection', (err) => log.error({ err }, 'a rejected promise was not handled'));
  const { close } = closeWithGrace(
    { delay: patienceMs, logger: log, skip: ['unhandledRejection'] },
    async ({ signal, err }) => {
      if (err) log.fatal({ err }, 'stopping on an unexpected error');
      else log.info({ signal }, 'draining');
      await drain();
    },
  );
  process.once('disconnect', close);
}

/** Tells the parent, where there is one that listens, that the process is at work. */
export function tellReady(): void {
  process.send?.('ready');
}
