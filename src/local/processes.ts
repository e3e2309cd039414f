import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** A process, and a part of its command line by which it is told from a stranger that got its number. */
export interface ProcessMark {
  readonly pid: number;
  readonly mark: string;
}

const POLL_MS = 25;

/** Whether the process still runs. */
export async function isRunning({ pid, mark }: ProcessMark): Promise<boolean> {
  return (await commandOf(pid)).includes(mark);
}

/** Ends a process: asks it to, and after the patience is used up does not ask. */
export async function end(target: ProcessMark, patienceMs: number): Promise<void> {
  if (!(await isRunning(target))) return;
  signal(target.pid, 'SIGTERM');
  if (await isGone(target, patienceMs)) return;
  signal(target.pid, 'SIGKILL');
  await isGone(target, patienceMs);
}

async function isGone(target: ProcessMark, patienceMs: number): Promise<boolean> {
  const deadline = Date.now() + patienceMs;
  while (await isRunning(target)) {
    if (Date.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It may have gone by itself.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The command line of a process; empty when there is no such process, or when it ended and nobody has asked for its result. */
async function commandOf(pid: number): Promise<string> {
  try {
    if (process.platform === 'linux') return await readFile(`/proc/${pid}/cmdline`, 'utf8');
    return (await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)])).stdout;
  } catch {
    return '';
  }
}
