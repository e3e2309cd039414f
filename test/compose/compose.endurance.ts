import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startPostgres } from '../../src/local/postgres.ts';
import { expectLines, keepErrors, keepLines, keepSecret, keepStream } from '../logs/collect.ts';
import { runCommand } from '../support/command-line.ts';
import { dynamodbEndpoint } from '../support/dynamodb.ts';
import { startHttpsIssuer } from '../support/https-issuer.ts';
import { keepToken } from '../support/issuer.ts';
import { contextFiles, ROOT, readService, type Service } from './compose-file.ts';

/**
 * The containers' topology without containers: the image's files, made by the same build; each service of docker-compose.yml with the
 * very environment and command that the file gives it; a network in which each has an address of its own.
 */

const ISSUER = 'https://issuer.example.com:8443';
const AUDIENCE = 'cruddur-web';

/** What a developer writes to .env. The embedded Postgres asks for no password; one that is given has that of the file. */
const VARIABLES = {
  OIDC_ISSUER: ISSUER,
  OIDC_JWKS_URI: `${ISSUER}/jwks`,
  OIDC_AUDIENCE: AUDIENCE,
  ...(!process.env['TEST_DATABASE_URL'] && { POSTGRES_PASSWORD: randomUUID() }),
};

/** Addresses of this machine that nothing else listens on. */
const ADDRESSES = {
  setup: '127.40.0.1',
  dynamodb: '127.40.0.2',
  postgres: '127.40.0.3',
  api: '127.40.0.4',
  worker: '127.40.0.5',
  'issuer.example.com': '127.40.0.6',
};
const GRAPHQL = `http://${ADDRESSES.api}:4000/graphql`;

type Name = keyof typeof ADDRESSES;

const run = promisify(execFile);
const undo: (() => unknown)[] = [];
let folder: string;
let signIn: (subject: string) => Promise<string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cruddur-compose-'));
  keepSecret('the directory’s password', VARIABLES.POSTGRES_PASSWORD ?? '');
  undo.push(() => rm(folder, { recursive: true, force: true }));
  await buildImage();
  undo.push(() => runCommand({ DYNAMODB_ENDPOINT: dynamodbEndpoint() }, 'ddb', 'drop'));
  await forward(ADDRESSES.dynamodb, 8000, new URL(dynamodbEndpoint()));
  await forward(ADDRESSES.postgres, 5432, await aPostgres());
  const address = ADDRESSES['issuer.example.com'];
  const issuer = await startHttpsIssuer({ issuer: ISSUER, audience: AUDIENCE, address, folder });
  undo.push(issuer.stop);
  signIn = async (subject) => {
    const token = await issuer.token(subject);
    keepToken(token);
    return token;
  };
}, 60_000);

afterAll(async () => {
  for (const step of undo.reverse()) await step();
});

test('set-up, worker and API come up healthy, do the main job together, and drain', async () => {
  const setup = await runService('setup');
  const again = await runService('setup');
  const [worker, api] = [startService('worker'), startService('api')];
  await Promise.all([healthy('worker'), healthy('api')]);

  expect(setup).toContain('cruddur-messages: created\ncruddur-messages-checkpoints: created\n');
  expect(setup).toContain('8 people added.\n');
  expect(again).toContain('cruddur-messages: is there\ncruddur-messages-checkpoints: is there\n');
  expect(again).toContain('0 people added.\n');

  const [andrew, bayko] = await Promise.all([
    signIn('4452a36f-96f0-4492-b878-838e4a6468e5'),
    signIn('c91cbf9e-920d-4ddc-9919-34b2d4d8b2bb'),
  ]);
  const sent = await ask(
    bayko,
    'mutation { createMessage(input: { to: { recipientHandles: ["andrewbrown"] }, body: "Hello from a container", clientMessageId: "1" }) { message { sequence } messageGroup { id } } }',
  );
  const { id } = sent.createMessage.messageGroup;
  const page = await ask(
    andrew,
    `{ messages(messageGroupId: "${id}", first: 1) { edges { cursor node { body sender { handle } } } } }`,
  );
  expect(page.messages.edges[0].node).toEqual({ body: 'Hello from a container', sender: { handle: 'bayko' } });
  const poll = `{ messages(messageGroupId: "${id}", last: 20, before: "${page.messages.edges[0].cursor}") { edges { node { body } } } }`;
  expect((await ask(andrew, poll)).messages.edges).toEqual([]);
  await ask(
    bayko,
    `mutation { createMessage(input: { to: { messageGroupId: "${id}" }, body: "And another" }) { message { id } } }`,
  );
  expect((await ask(andrew, poll)).messages.edges).toEqual([{ node: { body: 'And another' } }]);
  await vi.waitFor(async () => {
    const { messageGroups } = await ask(
      andrew,
      '{ messageGroups(first: 1) { edges { node { id unreadCount lastMessage { body } } } } }',
    );
    expect(messageGroups.edges[0].node).toMatchObject({ id, lastMessage: { body: 'And another' } });
  }, 10_000);

  expect(await metricsOf('api')).toContain(
    'graphql_operation_duration_seconds_count{operation="createMessage",code="OK"} 2',
  );
  expect(await metricsOf('worker')).toMatch(/^stream_records_total [1-9]/m);
  await vi.waitFor(
    async () => expect(await metricsOf('worker')).toMatch(/^stream_lag_seconds\{shard="\S+"\} 0$/m),
    10_000,
  );
  expect(await Promise.all([worker.stop(), api.stop()])).toEqual([0, 0]);
}, 90_000);

test('without an issuer the API refuses to start, and says so', async () => {
  const { environment, command } = readService('api', {});
  const [file = '', ...args] = command;

  const { code, stderr } = await run(file, args, {
    cwd: join(folder, 'dist/app'),
    env: environmentOf('api', environment),
  }).then(
    () => ({ code: 0, stderr: '' }),
    (error: { code: number; stderr: string }) => error,
  );

  expect(code).toBe(1);
  expect(stderr).toContain('one of these sets is required');
});

/** The image's build, in a folder that holds what the Dockerfile's context does. */
async function buildImage(): Promise<void> {
  for (const path of contextFiles()) await cp(new URL(path, ROOT), join(folder, path), { recursive: true });
  await symlink(new URL('node_modules', ROOT), join(folder, 'node_modules'));
  await run('npm', ['run', 'build'], { cwd: folder });
}

/** Runs a one-shot service to its end. @returns what it printed */
async function runService(name: Name): Promise<string> {
  const { environment, command } = readService(name, VARIABLES);
  const [file = '', ...args] = command;
  const { stdout, stderr } = await run(file, args, {
    cwd: join(folder, 'dist/app'),
    env: environmentOf(name, environment),
  });
  keepLines('output', stdout);
  keepLines('output', stderr);
  return stdout;
}

function startService(name: Name): { stop(): Promise<number | null> } {
  const { environment, command, stop_grace_period: grace = '10s' } = readService(name, VARIABLES);
  const [file = '', ...args] = command;
  const child = spawn(file, args, {
    cwd: join(folder, 'dist/app'),
    env: environmentOf(name, environment),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  keepStream('log', child.stdout);
  keepErrors(child.stderr);
  expectLines();
  const exited = once(child, 'exit');
  const stop = async () => {
    const impatience = setTimeout(() => child.kill('SIGKILL'), Number.parseInt(grace, 10) * 1000);
    child.kill('SIGTERM');
    await exited;
    clearTimeout(impatience);
    return child.exitCode;
  };
  undo.push(stop);
  return { stop };
}

/** Waits until the service's own check succeeds. */
async function healthy(name: Name): Promise<void> {
  const { environment, healthcheck } = readService(name, VARIABLES);
  const [kind, file = '', ...args] = healthcheck?.test ?? [];
  expect(kind).toBe('CMD');
  await vi.waitFor(() => run(file, args, { env: environmentOf(name, environment) }), {
    timeout: 30_000,
    interval: 200,
  });
}

/** What the file gives the service, and what a container would have besides. */
function environmentOf(name: Name, given: Service['environment']): NodeJS.ProcessEnv {
  const network = fileURLToPath(new URL('./network.cjs', import.meta.url));
  return {
    ...given,
    PATH: process.env['PATH'],
    NODE_OPTIONS: `${given['NODE_OPTIONS'] ?? ''} --require ${network}`,
    NODE_EXTRA_CA_CERTS: join(folder, 'issuer.crt'),
    SERVICE_NETWORK: JSON.stringify({ own: ADDRESSES[name], addresses: ADDRESSES }),
  };
}

/** Hands connections on, as the name of a service does. */
async function forward(host: string, port: number, to: URL): Promise<void> {
  const server: Server = createServer((incoming) => {
    const outgoing = connect(Number(to.port || 5432), to.hostname);
    incoming.pipe(outgoing).pipe(incoming);
    incoming.on('error', () => outgoing.destroy());
    outgoing.on('error', () => incoming.destroy());
  }).listen(port, host);
  await once(server, 'listening');
  undo.push(() => server.close());
}

/** A server whose user is postgres: the one that is given, on which the database of the file must not be anybody's, or an embedded one. */
async function aPostgres(): Promise<URL> {
  const given = process.env['TEST_DATABASE_URL'];
  if (!given) {
    const embedded = await startPostgres(0);
    undo.push(embedded.stop);
    return new URL(embedded.url);
  }
  const url = new URL(given);
  url.pathname = '/cruddur';
  const { stdout } = await runCommand({ DATABASE_URL: url.href }, 'db', 'create');
  if (!stdout.includes('created')) throw new Error('There is a database called cruddur on the server already');
  const drop = () => runCommand({ DATABASE_URL: url.href }, 'db', 'drop');
  undo.push(drop);
  await drop();
  return url;
}

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of the data
async function ask(token: string, query: string): Promise<any> {
  const response = await fetch(GRAPHQL, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = (await response.json()) as { data: unknown; errors?: unknown };
  expect(errors).toBeUndefined();
  return data;
}

async function metricsOf(name: 'api' | 'worker'): Promise<string> {
  return (await fetch(`http://${ADDRESSES[name]}:9464/metrics`)).text();
}
