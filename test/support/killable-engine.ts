import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { findDynoxide } from '../../src/local/dynoxide.ts';
import { freePort } from './engines.ts';

/** An engine of the test's own, on a file, that can be killed and comes back at the same address with what it had. */
export interface KillableEngine {
  readonly endpoint: string;
  /** Kills it without warning. */
  kill(): Promise<void>;
  /** Starts it again. */
  restart(): Promise<void>;
}

export async function aKillableEngine(): Promise<KillableEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'cruddur-engine-'));
  const [binary, port] = [await findDynoxide(process.env['PATH'] ?? ''), await freePort()];
  let engine = await start();
  onTestFinished(async () => {
    engine.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });
  return {
    endpoint: `http://127.0.0.1:${port}`,
    kill,
    restart: async () => {
      engine = await start();
    },
  };

  async function start(): Promise<ChildProcess> {
    const child = spawn(binary, ['--port', String(port), '--db-path', join(folder, 'dynamodb.sqlite')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    // It says when it listens.
    await once(child.stderr, 'data');
    child.stderr.resume();
    return child;
  }

  async function kill(): Promise<void> {
    const exited = once(engine, 'exit');
    engine.kill('SIGKILL');
    await exited;
  }
}
