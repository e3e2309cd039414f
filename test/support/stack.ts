import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, expect } from 'vitest';
import { readLocalConfig } from '../../src/config/local.ts';
import { end, type ProcessMark } from '../../src/local/processes.ts';
import { localToken } from '../../src/local/token.ts';
import { expectLines, keepLines, keepStream } from '../logs/collect.ts';
import { keepToken } from './issuer.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What a place needs to be a stack's: a folder, and four ports from `port` on. */
export interface Place {
  readonly folder: string;
  readonly port: number;
}

/** A command of the project that was started. */
export interface Running {
  readonly pid: number;
  /** What it wrote to its standard output so far. */
  output(): string;
  /** What it wrote to its standard error so far. */
  errors(): string;
  /** Resolves when the process has ended: its exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  hasExited(): boolean;
  kill(signal: NodeJS.Signals): void;
  /** What the stack greets with; rejects when it ends instead. */
  ready(): Promise<Greeting>;
}

export interface Greeting {
  readonly url: string;
  readonly token: string;
  readonly messageGroupId: string;
  /** The whole line. */
  readonly curl: string;
}

/** How a stack is started: with npm, with npm in a process group of its own as a terminal does, or without npm. */
export type Launch = 'npm' | 'npm in a terminal' | 'node';

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Who runs in a folder, as the stack wrote it down. */
export interface Processes {
  readonly owner: ProcessMark;
  readonly started: readonly ProcessMark[];
}

const NODE_ARGUMENTS = ['--import', 'tsx', 'src/local.ts'];
const COMMANDS: Record<Launch, readonly [string, ...string[]]> = {
  npm: ['npm', 'start'],
  'npm in a terminal': ['npm', 'start'],
  node: [process.execPath, ...NODE_ARGUMENTS],
};

/** What the stack prints to be tried, with a token. */
const CURL = /^curl .*$/m;

const PATIENCE_MS = 15_000;

const places: Place[] = [];
const launched: Running[] = [];

/** For a test file that starts stacks: ends what is left of them, and removes their folders. */
export function useStacks(): void {
  afterAll(async () => {
    await Promise.all(launched.map(endIfRunning));
    for (const { folder } of places) {
      const left = await processesOf(folder);
      if (left) await Promise.all([left.owner, ...left.started].map((each) => end(each, PATIENCE_MS)));
      await rm(folder, { recursive: true, force: true });
    }
  });
}

/** An empty folder, and four ports that were free a moment ago. */
export async function aPlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'cruddur-stack-'));
  const place = { folder, port: await fourFreePorts() };
  places.push(place);
  return place;
}

/** Starts a stack. */
export function launch(place: Place, how: Launch = 'npm'): Running {
  const [command, ...args] = COMMANDS[how];
  const child = spawn(command, args, {
    cwd: ROOT,
    env: environment(place),
    detached: how === 'npm in a terminal',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} can't be run`);
  let written = '';
  let complaints = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    written += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    complaints += chunk;
  });
  // The line that `npm start` prints to be tried has a token in it.
  keepStream('log', child.stdout, CURL);
  keepStream('log', child.stderr);
  expectLines();
  const exited = exitOf(child);
  const running: Running = {
    pid,
    output: () => written,
    errors: () => complaints,
    exited,
    hasExited: () => child.exitCode !== null || child.signalCode !== null,
    kill: (signal) => {
      if (child.exitCode === null && child.signalCode === null)
        process.kill(how === 'npm in a terminal' ? -pid : pid, signal);
    },
    ready: async () => {
      const failed = exited.then((end) => {
        throw new Error(`The stack ended with ${end} before it was ready:\n${written}\n${complaints}`);
      });
      failed.catch(() => {});
      while (!/is ready[\s\S]*To stop/.test(written)) await Promise.race([once(child.stdout, 'data'), failed]);
      return greetingOf(written);
    },
  };
  launched.push(running);
  return running;
}

/** Runs a start that is expected to fail, until its end. */
export async function runLocal(place: Place, more: NodeJS.ProcessEnv = {}): Promise<Finished> {
  const finished = await run(process.execPath, NODE_ARGUMENTS, { ...environment(place), ...more });
  keepLines('log', finished.stdout.replace(CURL, ''));
  keepLines('log', finished.stderr);
  return finished;
}

/** Runs the command that prints a token, as the README says. */
export async function runToken(place: Place, handle: string): Promise<Finished> {
  const finished = await run('npm', ['run', '--silent', 'token', '--', handle], environment(place));
  keepToken(finished.stdout.trim());
  keepLines('log', finished.stderr);
  return finished;
}

/** Runs a line in a shell. */
export function runLine(line: string): Promise<Finished> {
  return run('bash', ['-c', line], process.env);
}

/** What was written down of the processes of a folder; undefined when nobody holds it. */
export async function processesOf(folder: string): Promise<Processes | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, 'running.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

/** Those of the place's ports that something listens on. */
export async function portsInUse({ port }: Place): Promise<number[]> {
  const ports = [port, port + 1, port + 2, port + 3];
  const free = await Promise.all(ports.map(isFree));
  return ports.filter((_, index) => !free[index]);
}

/** Waits until the condition holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Still not so: ${condition}`);
    await delay(10);
  }
}

/** Posts an operation and expects an answer without errors. */
// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of the data
export async function ask(place: Place, token: string, query: string, variables: object = {}): Promise<any> {
  const response = await fetch(`http://127.0.0.1:${place.port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: unknown; errors?: unknown };
  expect(errors).toBeUndefined();
  return data;
}

/** A token of a person of the place's stack, while it runs. */
export async function tokenOf(place: Place, handle: string): Promise<string> {
  const token = await localToken(readLocalConfig(environment(place)), handle);
  keepToken(token);
  return token;
}

/** How many messages each group has, as its log says, by the group's id; over the groups of these people. */
export async function messageCounts(place: Place, handles: readonly string[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const handle of handles) {
    const token = await tokenOf(place, handle);
    const { messageGroups } = await ask(place, token, '{ messageGroups(first: 100) { edges { node { id } } } }');
    for (const { node } of messageGroups.edges) {
      const query = 'query ($id: ID!) { messageGroup(id: $id) { messageCount } }';
      counts[node.id] = (await ask(place, token, query, { id: node.id })).messageGroup.messageCount;
    }
  }
  return counts;
}

/** Nothing of the developer's own settings, and nothing that Vitest set. */
function environment({ folder, port }: Place): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return {
    PATH,
    HOME,
    LOCAL_DIR: folder,
    PORT: String(port),
    // A test asks faster than a person.
    RATE_LIMIT_READS: '999999',
    RATE_LIMIT_SENDS: '999999',
    // A stack that waited for the lease of one that was killed would be too slow for any test.
    LEASE_SECONDS: '60',
    npm_config_update_notifier: 'false',
  };
}

async function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Finished> {
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000 });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), exitOf(child)]);
  return { code: child.exitCode, stdout, stderr };
}

async function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  const [code, signal] = await once(child, 'exit');
  return code ?? signal;
}

async function endIfRunning(running: Running): Promise<void> {
  if (running.hasExited()) return;
  running.kill('SIGTERM');
  const impatience = setTimeout(() => running.kill('SIGKILL'), PATIENCE_MS);
  await running.exited;
  clearTimeout(impatience);
}

function greetingOf(output: string): Greeting {
  const curl = CURL.exec(output)?.[0];
  const url = /is ready: (\S+)/.exec(output)?.[1];
  const token = /Bearer ([\w.-]+)/.exec(output)?.[1];
  const messageGroupId = /messageGroupId: \W*([0-9a-f-]{36})/.exec(output)?.[1];
  if (!curl || !url || !token || !messageGroupId) throw new Error(`The greeting lacks something:\n${output}`);
  keepToken(token);
  return { curl, url, token, messageGroupId };
}

/** Below the ports that a system hands out by itself, so that nobody gets one of them by chance. */
async function fourFreePorts(): Promise<number> {
  for (;;) {
    const port = 10_000 + 4 * Math.floor(Math.random() * 5_000);
    const isTaken = places.some((place) => place.port === port);
    if (!isTaken && (await portsInUse({ folder: '', port })).length === 0) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
