import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { buildBundles } from '../deploy/bundles.ts';
import { startPostgres } from '../src/local/postgres.ts';
import { tableDefinition } from '../src/table/definition.ts';
import { openTable, type Table } from '../src/table/table.ts';
import { openPool } from '../src/users/pool.ts';
import { loadSchema } from '../src/users/schema.ts';
import { dynamodbEngine, freePort } from '../test/support/engines.ts';
import { startHttpsIssuer } from '../test/support/https-issuer.ts';
import { addPeople, type Person } from '../test/support/people.ts';

/** A person with a token. */
export interface SignedIn extends Person {
  readonly token: string;
}

/** The engines, and the API as it runs in production: from its bundle, in a process of its own. */
export interface System {
  readonly table: Table;
  readonly dynamodbEndpoint: string;
  readonly url: string;
  readonly people: readonly SignedIn[];
  /** Where another server finds people, and the issuer of their tokens. */
  readonly directory: {
    readonly databaseUrl: string;
    readonly issuer: string;
    readonly jwksUri: string;
    readonly certificateFile: string;
  };
  /** What the API's process counts. */
  counters(): Promise<Counters>;
}

export interface Counters {
  /** Seconds of a processor, of user and system together, since the start. */
  readonly cpuSeconds: number;
  readonly engineCalls: number;
  readonly capacityUnits: number;
  readonly residentBytes: number;
}

const AUDIENCE = 'bench';

/** What a person may do in a minute is no limit here, and everything else is as it comes. */
const SETTINGS = { NODE_ENV: 'production', RATE_LIMIT_READS: '999999', RATE_LIMIT_SENDS: '999999' };

/** Where Node writes a profile of the API's processor time when it ends, and the bundle that it speaks of. */
const PROFILES = fileURLToPath(new URL('./profiles/', import.meta.url));

/**
 * Starts it all on this machine.
 *
 * @param undo is filled with what ends the parts, also when starting fails halfway
 */
export async function startSystem(
  { peopleCount, profile }: { readonly peopleCount: number; readonly profile: boolean },
  undo: (() => unknown)[],
): Promise<System> {
  const folder = await mkdtemp(join(tmpdir(), 'cruddur-bench-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  const bundles = profile ? PROFILES : folder;
  const [engine, postgres] = await Promise.all([dynamodbEngine(undefined), startPostgres(0), buildBundles(bundles)]);
  undo.push(engine.stop, postgres.stop);

  const port = await freePort();
  // Production refuses an issuer on this machine, but not keys from there.
  const issuer = 'https://issuer.example.com';
  const url = `https://localhost:${port}`;
  const { certificateFile, token, stop } = await startHttpsIssuer({
    issuer,
    url,
    audience: AUDIENCE,
    address: '127.0.0.1',
    folder,
  });
  undo.push(stop);
  const people = await signUp(postgres.url, peopleCount, token);

  const table = openTable({ name: 'cruddur-messages', region: 'us-east-1', endpoint: engine.endpoint });
  undo.push(() => table.client.destroy());
  // Without its stream, which the API does not read: Dynoxide takes the longer for a write, the more records it has.
  await table.client.send(new CreateTableCommand({ ...tableDefinition(table.name), StreamSpecification: undefined }));

  const profiling = profile ? ['--cpu-prof', `--cpu-prof-dir=${PROFILES}`] : [];
  const log = await open(join(folder, 'api.log'), 'w');
  undo.push(() => log.close());
  const [apiPort, metricsPort] = [await freePort(), await freePort()];
  const api = spawn(process.execPath, [...(await nodeOptions()), ...profiling, join(bundles, 'app', 'api.js')], {
    env: {
      PATH: process.env['PATH'],
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      NODE_EXTRA_CA_CERTS: certificateFile,
      ...SETTINGS,
      PORT: String(apiPort),
      METRICS_PORT: String(metricsPort),
      AWS_REGION: 'us-east-1',
      DYNAMODB_ENDPOINT: engine.endpoint,
      DATABASE_URL: postgres.url,
      DATABASE_POOL_SIZE: '1',
      OIDC_ISSUER: issuer,
      OIDC_JWKS_URI: `${url}/jwks`,
      OIDC_AUDIENCE: AUDIENCE,
    },
    stdio: ['ignore', log.fd, 'inherit', 'ipc'],
  });
  undo.push(() => end(api));
  await Promise.race([once(api, 'message'), once(api, 'exit').then(() => Promise.reject(new Error('No API')))]);

  return {
    table,
    dynamodbEndpoint: engine.endpoint,
    url: `http://127.0.0.1:${apiPort}/graphql`,
    people,
    directory: { databaseUrl: postgres.url, issuer, jwksUri: `${url}/jwks`, certificateFile },
    counters: () => readCounters(metricsPort),
  };
}

/** What Node is told in the image's command. */
async function nodeOptions(): Promise<string[]> {
  const dockerfile = await readFile(new URL('../Dockerfile', import.meta.url), 'utf8');
  const command: string[] = JSON.parse(/^CMD (.*)$/m.exec(dockerfile)?.[1] ?? '[]');
  return command.slice(1, -1);
}

async function signUp(
  databaseUrl: string,
  count: number,
  token: (subject: string) => Promise<string>,
): Promise<SignedIn[]> {
  const pool = openPool({ url: databaseUrl, poolSize: 1, onIdleError: () => {} });
  try {
    await loadSchema(pool);
    const people = await addPeople(pool, count);
    return await Promise.all(people.map(async (person) => ({ ...person, token: await token(person.subject) })));
  } finally {
    await pool.end();
  }
}

async function readCounters(port: number): Promise<Counters> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const sum = (name: string) =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
  return {
    cpuSeconds: sum('process_cpu_seconds_total'),
    engineCalls: sum('dynamodb_call_duration_seconds_count'),
    capacityUnits: sum('dynamodb_consumed_capacity_units_total'),
    residentBytes: sum('process_resident_memory_bytes'),
  };
}

/** Ends a process, and waits until it has ended. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
