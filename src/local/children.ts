import { type ChildProcess, spawn } from 'node:child_process';
import type { LocalFolder } from './folder.ts';
import type { ProcessMark } from './processes.ts';

/** A process of the stack. */
export interface Child {
  readonly name: string;
  readonly process: ChildProcess;
  /** Resolves when the process says that it is ready, or with false when it ends instead; one that is not our own says nothing. */
  readonly ready: Promise<boolean>;
  /** Resolves when the process has ended, with how. */
  readonly ended: Promise<string>;
  /** Asks the process to end and waits for it; after the patience is used up it is killed. */
  stop(patienceMs: number): Promise<void>;
}

export interface ChildOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** Tells the process from others in its command line. */
  readonly mark: string;
  /** One of our own: it says when it is ready, ends when its parent does, and may write to the terminal. */
  readonly own?: boolean;
}

/**
 * Starts a process in a group of its own: a Ctrl-C in the terminal is for the stack, which ends its processes in order.
 */
export async function startChild(folder: LocalFolder, options: ChildOptions): Promise<Child> {
  const { name, command, args, environment, mark, own = false } = options;
  const child = spawn(command, args, {
    env: environment,
    detached: true,
    stdio: own ? ['ignore', 'pipe', 'inherit', 'ipc'] : ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
  });
  const ready = new Promise<boolean>((resolve) => {
    child.once('message', () => resolve(true));
    void ended.then(() => resolve(false));
  });
  if (child.pid !== undefined) await folder.note({ pid: child.pid, mark } satisfies ProcessMark);
  return {
    name,
    process: child,
    ready,
    ended,
    stop: async (patienceMs) => {
      const impatience = setTimeout(() => child.kill('SIGKILL'), patienceMs);
      child.kill('SIGTERM');
      await ended;
      clearTimeout(impatience);
    },
  };
}
