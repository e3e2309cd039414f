import { once } from 'node:events';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LocalConfig } from '../config/local.ts';
import type { Messaging } from '../messaging/messaging.ts';
import { firstMessageGroupId, seedMessages } from '../seed/messages.ts';
import { seedPeople } from '../seed/people.ts';
import { checkpointTable, createCheckpointTableIfMissing } from '../stream/checkpoint-table.ts';
import { createTableIfMissing } from '../table/definition.ts';
import { openTable } from '../table/table.ts';
import { openDirectory } from '../users/directory.ts';
import { openPool } from '../users/pool.ts';
import { loadSchema } from '../users/schema.ts';
import { findSubject } from '../users/subjects.ts';
import { type LocalAddresses, localAddresses, processEnvironment, workerEnvironment } from './addresses.ts';
import { type Child, startChild } from './children.ts';
import { startDynoxide, untilListening } from './dynoxide.ts';
import { LocalStackError } from './errors.ts';
import { type LocalFolder, takeFolder } from './folder.ts';
import { loadSigningKey, serveKeys, signToken } from './issuer.ts';
import { checkPorts } from './ports.ts';
import { startPostgres } from './postgres.ts';

/** Whom Apollo Sandbox and the printed token are signed in as. */
export const LOCAL_HANDLE = 'andrewbrown';

/** The whole system on this machine. */
export interface LocalStack {
  readonly addresses: LocalAddresses;
  /** A token of the person of `LOCAL_HANDLE`. */
  readonly token: string;
  /** A conversation to show. */
  readonly messageGroupId: string;
  /** Resolves when a process of the stack has ended by itself, with a sentence about it. */
  readonly broken: Promise<string>;
}

/** What has to be undone, in the order in which it was done. */
export type Undo = (() => Promise<unknown>)[];

/** The processes get this long to end by themselves, and then the engine. All of a stop has to fit into 10 s. */
const PATIENCE_MS = 7_000;
const ENGINE_PATIENCE_MS = 1_000;

/** The two processes of the system, in the order of their start. */
const PROCESSES = [
  { name: 'worker', file: fileURLToPath(new URL('../worker.ts', import.meta.url)) },
  { name: 'API', file: fileURLToPath(new URL('../api.ts', import.meta.url)) },
] as const;

/**
 * Starts the engines, fills in the seed, and starts the worker and the API.
 *
 * @param undo is filled with what ends the parts that were started, also when starting fails halfway
 * @param onOutput is given the lines that the processes log
 * @param signal stops the starting at the next step
 * @throws LocalStackError when something is in the way that the person at the keyboard can move
 */
export async function startStack(
  config: LocalConfig,
  undo: Undo,
  onOutput: (output: NodeJS.ReadableStream) => void,
  signal: AbortSignal,
): Promise<LocalStack> {
  const addresses = localAddresses(config);
  const folder = await takeFolder(config.directory, {
    pid: process.pid,
    mark: basename(process.argv[1] ?? process.execPath),
  });
  undo.push(folder.release);
  await checkPorts(config, addresses);

  const key = await loadSigningKey(folder.path);
  const issuer = await serveKeys(key, addresses.ports.issuer);
  undo.push(async () => issuer.close());
  const [engine] = await Promise.all([
    addresses.startsDynamodb ? startEngine(folder, addresses, config, undo) : undefined,
    addresses.startsPostgres ? startDirectory(folder, addresses, undo) : undefined,
  ]);
  signal.throwIfAborted();
  const { subject, messageGroupId } = await seed(config, addresses);
  signal.throwIfAborted();
  const token = await signToken(key, addresses.issuerUrl, subject, LOCAL_HANDLE);

  const processes: Child[] = [];
  undo.push(() => Promise.all(processes.map((child) => child.stop(PATIENCE_MS))));
  const environment = processEnvironment(config, addresses, token);
  for (const { name, file } of PROCESSES) {
    const child = await startChild(folder, {
      name,
      command: process.execPath,
      args: [...process.execArgv, file],
      environment: name === 'worker' ? workerEnvironment(environment) : environment,
      mark: file,
      own: true,
    });
    processes.push(child);
    if (child.process.stdout) onOutput(child.process.stdout);
  }
  const aborted = once(signal, 'abort');
  for (const child of processes) {
    const ready = await Promise.race([child.ready, aborted]);
    signal.throwIfAborted();
    if (!ready) throw new LocalStackError(`The ${child.name} did not start: see its message above.`);
  }

  const children = engine ? [engine, ...processes] : processes;
  const broken = Promise.race(children.map(async ({ name, ended }) => `The ${name} ended by itself (${await ended}).`));
  return { addresses, token, messageGroupId, broken };
}

/** Ends what was started, last things first. */
export async function stopStack(undo: Undo): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step();
}

async function startEngine(
  folder: LocalFolder,
  { ports }: LocalAddresses,
  { environment }: LocalConfig,
  undo: Undo,
): Promise<Child> {
  const engine = await startDynoxide(folder, ports.dynamodb, environment);
  undo.push(() => engine.stop(ENGINE_PATIENCE_MS));
  await untilListening(engine, ports.dynamodb);
  return engine;
}

async function startDirectory(folder: LocalFolder, { ports }: LocalAddresses, undo: Undo): Promise<void> {
  const postgres = await startPostgres(ports.postgres, join(folder.path, 'postgres'));
  undo.push(postgres.stop);
}

async function seed(
  config: LocalConfig,
  addresses: LocalAddresses,
): Promise<{ subject: string; messageGroupId: string }> {
  const table = openTable({ name: config.tableName, region: 'us-east-1', endpoint: addresses.dynamodbEndpoint });
  const pool = openPool({ url: addresses.databaseUrl, poolSize: 1, onIdleError: () => {} });
  try {
    await Promise.all([
      createTableIfMissing(table),
      createCheckpointTableIfMissing(checkpointTable(table)),
      loadSchema(pool).then(() => seedPeople(pool)),
    ]);
    const { findByHandles, findByIds } = openDirectory(pool);
    const messaging: Messaging = { table, findUsersByHandle: findByHandles, findUsersById: findByIds, now: table.now };
    await seedMessages(messaging);
    const subject = await findSubject(pool, LOCAL_HANDLE);
    if (!subject) throw new Error(`The seed has nobody called ${LOCAL_HANDLE}`);
    return { subject, messageGroupId: await firstMessageGroupId(messaging) };
  } finally {
    await pool.end();
    table.client.destroy();
  }
}
