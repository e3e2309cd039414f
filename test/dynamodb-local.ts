import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pRetry, { AbortError } from 'p-retry';
import { freePort } from './support/engines.ts';

/**
 * Runs the suite on DynamoDB Local, which is AWS's own engine for one machine and needs Java. Arguments go to Vitest.
 *
 * The engine lies in an npm package of AWS. It is nothing that the project depends on: the first run fetches it, and it stays below
 * `node_modules` for the next one.
 */

const PACKAGE = 'amplify-dynamodb-simulator';
const VERSION = '2.9.30';

/** What AWS asks for since DynamoDB Local 2; it has not been tried with less. */
const LEAST_JAVA = 17;

/** What starts engines of its own, or asks none. */
const EXCLUDED = ['test/local/**', 'test/users/**'];

const MODULES = fileURLToPath(new URL('../node_modules', import.meta.url));

const run = promisify(execFile);

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop.abort(new Error(`Stopped by ${signal}`)));

let engine: ChildProcess | undefined;
const scratch = await mkdtemp(join(tmpdir(), 'cruddur-dynamodb-local-'));
try {
  const java = await javaVersion();
  const folder = await emulator();
  const port = await freePort();
  engine = startEngine(folder, port, scratch);
  const version = await answers(engine, port);
  process.stdout.write(`DynamoDB Local ${version} of ${PACKAGE} ${VERSION}, on Java ${java}\n`);
  process.exitCode = await runVitest(`http://127.0.0.1:${port}`);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
} finally {
  // What it holds is in memory, and worth nothing any more.
  engine?.kill('SIGKILL');
  await rm(scratch, { recursive: true, force: true });
}

async function javaVersion(): Promise<string> {
  const { stderr } = await run('java', ['-version'], { signal: stop.signal }).catch(() => ({ stderr: '' }));
  const [, version, major] = /version "((\d+)[^"]*)"/.exec(stderr) ?? [];
  if (version !== undefined && Number(major) >= LEAST_JAVA) return version;
  const found = version === undefined ? 'there is none on the PATH' : `the one on the PATH is ${version}`;
  throw new Error(`DynamoDB Local needs Java ${LEAST_JAVA} or newer, and ${found}.`);
}

/** The engine's folder; fetched unless it is there. */
async function emulator(): Promise<string> {
  const cache = join(MODULES, '.cache', PACKAGE);
  const folder = join(cache, VERSION);
  const isThere = await access(folder).then(
    () => true,
    () => false,
  );
  if (isThere) return folder;
  await mkdir(cache, { recursive: true });
  const parcel = await mkdtemp(join(cache, 'fetching-'));
  try {
    const { signal } = stop;
    await run('npm', ['pack', `${PACKAGE}@${VERSION}`, '--pack-destination', parcel], { signal });
    await run('tar', ['-xzf', join(parcel, `${PACKAGE}-${VERSION}.tgz`), '-C', parcel, 'package/emulator'], { signal });
    await rename(join(parcel, 'package', 'emulator'), folder);
  } finally {
    await rm(parcel, { recursive: true, force: true });
  }
  return folder;
}

/** In a process group of its own: Ctrl-C in a terminal must not end it before the tests. */
function startEngine(folder: string, port: number, scratch: string): ChildProcess {
  // It runs for two minutes: what a compiler or a collector for servers takes, it does not give back.
  const java = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Djava.library.path=DynamoDBLocal_lib'];
  // It unpacks its libraries, and leaves them.
  java.push(`-Djava.io.tmpdir=${scratch}`, '-XX:-UsePerfData');
  return spawn('java', [...java, '-jar', 'DynamoDBLocal.jar', '-inMemory', '-port', String(port)], {
    cwd: folder,
    // Its option of the same meaning comes too late for what it sends at its start.
    env: { ...process.env, DDB_LOCAL_TELEMETRY: '0' },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Waits until the engine answers. @returns its version */
function answers(child: ChildProcess, port: number): Promise<string> {
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      said = `${said}${chunk}`.slice(0, 10_000);
    });
  }
  return pRetry(
    async () => {
      if (child.exitCode !== null) throw new AbortError(`DynamoDB Local did not start: ${said}`);
      await fetch(`http://127.0.0.1:${port}`);
      const [, version] = /^Version:\s*(\S+)/m.exec(said) ?? [];
      if (version === undefined) throw new Error(`DynamoDB Local does not tell its version: ${said}`);
      return version;
    },
    { retries: 600, minTimeout: 50, factor: 1, signal: stop.signal },
  );
}

/** In a process group too, so that the processes that tests start end with it when it has to stop early. @returns its exit code */
async function runVitest(endpoint: string): Promise<number> {
  const excluded = EXCLUDED.flatMap((glob) => ['--exclude', glob]);
  const vitest = spawn(join(MODULES, '.bin', 'vitest'), ['run', ...excluded, ...process.argv.slice(2)], {
    env: { ...process.env, TEST_DYNAMODB_ENDPOINT: endpoint },
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const end = () => {
    if (vitest.pid !== undefined && vitest.exitCode === null) process.kill(-vitest.pid, 'SIGTERM');
  };
  stop.signal.addEventListener('abort', end);
  const [code] = await once(vitest, 'exit');
  stop.signal.throwIfAborted();
  return code ?? 1;
}
