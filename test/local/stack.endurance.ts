import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, realpathSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { findDynoxide } from '../../src/local/dynoxide.ts';
import { LocalStackError } from '../../src/local/errors.ts';
import { isRunning, type ProcessMark } from '../../src/local/processes.ts';
import { SEED_CONVERSATIONS } from '../../src/seed/conversations.ts';
import {
  aPlace,
  ask,
  type Greeting,
  type Launch,
  launch,
  messageCounts,
  type Place,
  type Processes,
  portsInUse,
  processesOf,
  type Running,
  runLine,
  runLocal,
  runToken,
  tokenOf,
  until,
  useStacks,
} from '../support/stack.ts';

// Whole stacks: the first start of one takes some seconds, on a busy machine many.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

/** All of a stop has to fit into this. */
const STOP_MS = 10_000;

/** Between them, they are in every conversation of the seed. */
const EVERYBODY = ['andrewbrown', 'bayko', 'londo'];

useStacks();

describe('a stack', () => {
  /** Seeded once; its stack goes from test to test, and is started again after a test that ended it. */
  let place: Place;
  let shared: { readonly how: Launch; readonly running: Running; readonly greeting: Greeting };

  beforeAll(async () => {
    place = await aPlace();
    await start('npm');
  });

  async function start(how: Launch): Promise<Running> {
    const running = launch(place, how);
    shared = { how, running, greeting: await running.ready() };
    return running;
  }

  /** The running stack, started in any way unless one is asked for. */
  async function theStack(how: Launch = shared.how): Promise<{ running: Running; greeting: Greeting }> {
    if (shared.running.hasExited()) await start(how);
    if (shared.how !== how) {
      shared.running.kill('SIGTERM');
      await shared.running.exited;
      await start(how);
    }
    return shared;
  }

  test('prints a curl line that, run as it is, reads the newest messages of a conversation', async () => {
    const { greeting } = await theStack();

    const { code, stdout } = await runLine(greeting.curl);

    expect(code).toBe(0);
    const [conversation] = SEED_CONVERSATIONS;
    const newest = conversation?.messages.slice(-5).map(({ body }) => body);
    const { data } = JSON.parse(stdout);
    expect(data.messages.edges.map(({ node }: { node: { body: string } }) => node.body)).toEqual(newest?.toReversed());
  });

  test('prints a token of andrewbrown', async () => {
    const { greeting } = await theStack();

    const { viewer } = await ask(place, greeting.token, '{ viewer { handle } }');

    expect(viewer).toEqual({ handle: 'andrewbrown' });
  });

  test('is live and ready, and shows a browser a page that is signed in', async () => {
    const { greeting } = await theStack();
    const get = (path: string) => fetch(new URL(path, greeting.url), { headers: { accept: 'text/html' } });

    const [live, ready, page] = await Promise.all([get('/health/live'), get('/health/ready'), get('/graphql')]);

    expect([live.status, ready.status, page.status]).toEqual([200, 200, 200]);
    expect(page.headers.get('content-type')).toMatch('text/html');
    expect(await page.text()).toContain(greeting.token);
  });

  test('has a command that prints a token of bayko, who has one unread message', async () => {
    await theStack();

    const { code, stdout } = await runToken(place, 'bayko');

    expect(code).toBe(0);
    const { viewer, messageGroups } = await ask(
      place,
      stdout.trim(),
      '{ viewer { handle } messageGroups(first: 100) { edges { node { unreadCount } } } }',
    );
    expect(viewer).toEqual({ handle: 'bayko' });
    const unread = messageGroups.edges.map(({ node }: { node: { unreadCount: number } }) => node.unreadCount);
    expect(unread.filter((count: number) => count > 0)).toEqual([1]);
  });

  test('has nobody’s token for a handle that nobody has', async () => {
    await theStack();

    const { code, stdout, stderr } = await runToken(place, 'nobody_at_all');

    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr.trim()).toMatch(/^Nobody .*nobody_at_all.*\.$/);
  });

  test('brings a message into the other members’ inboxes', async () => {
    const { greeting } = await theStack();

    const sent = await sendMessage(greeting.token);

    await until(async () => (await newestOfInbox('londo')).id === sent.message.id);
  });

  test('refuses a second one on its folder, and goes on', async () => {
    const { running, greeting } = await theStack();
    const elsewhere = { folder: place.folder, port: (await aPlace()).port };

    const { code, stderr } = await runLocal(elsewhere);

    expect(code).toBe(1);
    expect(stderr.trim()).toMatch(new RegExp(`^The folder ${place.folder} is in use .*LOCAL_DIR.*\\.$`));
    expect(running.hasExited()).toBe(false);
    expect((await fetch(new URL('/health/ready', greeting.url))).status).toBe(200);
    expect(await portsInUse(elsewhere)).toEqual([]);
  });

  test('stops on SIGTERM to npm within 10 s, and goes on where it was at the next start', async () => {
    const { running, greeting } = await theStack('npm');
    const sent = await sendMessage(greeting.token);
    const counts = await messageCounts(place, EVERYBODY);
    const processes = await theProcesses();
    expect(await whichRun(processes)).toEqual(processes);

    running.kill('SIGTERM');

    expect(await within(STOP_MS, running.exited)).toBe(0);
    expect(await whichRun(processes)).toEqual([]);
    expect(await portsInUse(place)).toEqual([]);
    expect(await processesOf(place.folder)).toBeUndefined();

    await start('node');

    expect(await newestMessage(greeting.token, sent.messageGroup.id)).toEqual(sent.message);
    expect(await messageCounts(place, EVERYBODY)).toEqual(counts);
  });

  test('recovers from kill -9: what it left is ended, and no message is lost', async () => {
    const { running, greeting } = await theStack('node');
    const sent = await sendMessage(greeting.token);
    const counts = await messageCounts(place, EVERYBODY);
    const processes = await theProcesses();
    const engine = named(processes, 'dynamodb.sqlite');

    await beAsked(new URL('/health/live', greeting.url));

    running.kill('SIGKILL');

    expect(await running.exited).toBe('SIGKILL');
    await until(async () => (await whichRun(processes)).length <= 1);
    expect(await whichRun(processes)).toEqual([engine]);

    await start('npm in a terminal');

    expect(await whichRun(processes)).toEqual([]);
    expect(await newestMessage(greeting.token, sent.messageGroup.id)).toEqual(sent.message);
    expect(await messageCounts(place, EVERYBODY)).toEqual(counts);
    const next = await sendMessage(greeting.token);
    await until(async () => (await newestOfInbox('londo')).id === next.message.id);
  });

  test('stops on Ctrl-C, which a terminal sends to all of its processes', async () => {
    const { running } = await theStack('npm in a terminal');
    const processes = await theProcesses();
    expect(await whichRun(processes)).toEqual(processes);

    running.kill('SIGINT');

    expect(await within(STOP_MS, running.exited)).toBe(0);
    expect(await whichRun(processes)).toEqual([]);
    expect(await processesOf(place.folder)).toBeUndefined();
  });

  test('ends as a whole, and says why, when a part of it ends by itself', async () => {
    const { running } = await theStack('node');
    const processes = await theProcesses();

    process.kill(named(processes, 'dynamodb.sqlite').pid, 'SIGKILL');

    expect(await within(STOP_MS, running.exited)).toBe(1);
    expect(running.errors()).toMatch(/^The DynamoDB engine ended by itself \(signal SIGKILL\)\.$/m);
    expect(await whichRun(processes)).toEqual([]);
    expect(await processesOf(place.folder)).toBeUndefined();
  });

  async function theProcesses(): Promise<ProcessMark[]> {
    const { owner, started } = (await processesOf(place.folder)) as Processes;
    return [owner, ...started];
  }

  /** To people other than bayko, whose unread messages are another test's. */
  async function sendMessage(token: string) {
    const mutation = `mutation ($input: CreateMessageInput!) {
      createMessage(input: $input) { message { id sequence body } messageGroup { id } }
    }`;
    const input = { to: { recipientHandles: ['londo', 'mireille'] }, body: 'Is this thing on?' };
    return (await ask(place, token, mutation, { input })).createMessage;
  }

  /** What the worker has brought there. */
  async function newestOfInbox(handle: string) {
    const query = '{ messageGroups(first: 1) { edges { node { lastMessage { id } } } } }';
    return (await ask(place, await tokenOf(place, handle), query)).messageGroups.edges[0].node.lastMessage;
  }

  async function newestMessage(token: string, id: string) {
    const query = 'query ($id: ID!) { messageGroup(id: $id) { lastMessage { id sequence body } } }';
    return (await ask(place, token, query, { id })).messageGroup.lastMessage;
  }
});

describe('a first start', () => {
  test('that was cut short by kill -9 does not stand in the way of the next one, which seeds everything', async () => {
    const place = await aPlace();
    const killed = launch(place, 'node');
    await until(() => existsSync(join(place.folder, 'postgres')));
    killed.kill('SIGKILL');
    await killed.exited;
    expect(existsSync(join(place.folder, 'postgres', 'complete'))).toBe(false);

    const running = launch(place, 'node');
    onTestFinished(() => running.kill('SIGTERM'));
    const { token, messageGroupId } = await running.ready();

    const counts = await messageCounts(place, EVERYBODY);
    expect(Object.values(counts).sort()).toEqual(SEED_CONVERSATIONS.map(({ messages }) => messages.length).sort());
    const query = 'query ($id: ID!) { messages(messageGroupId: $id, first: 1) { edges { node { body } } } }';
    const { messages } = await ask(place, token, query, { id: messageGroupId });
    expect(messages.edges[0].node.body).toBe(SEED_CONVERSATIONS[0]?.messages.at(-1)?.body);
  });

  test('that is stopped before it is ready leaves nothing running', async () => {
    const place = await aPlace();
    const running = launch(place, 'node');
    await until(() => existsSync(join(place.folder, 'running.json')));

    running.kill('SIGTERM');

    expect(await running.exited).toBe(0);
    expect(running.output()).not.toContain('is ready');
    expect(await portsInUse(place)).toEqual([]);
    expect(await processesOf(place.folder)).toBeUndefined();
  });

  test.each([
    [0, 'the API'],
    [2, 'DynamoDB'],
  ])('with PORT + %i taken says so, and leaves nothing running', async (offset, part) => {
    const place = await aPlace();
    const port = place.port + offset;
    await listen(port);

    const { code, stderr } = await runLocal(place);

    expect(code).toBe(1);
    expect(stderr.trim()).toMatch(new RegExp(`^Port ${port}, for ${part}, is taken: .*set PORT to another .*\\.$`));
    expect(await portsInUse(place)).toEqual([port]);
    expect(await processesOf(place.folder)).toBeUndefined();
  });

  test('in a folder that can’t be made names the folder', async () => {
    const place = await aPlace();
    const file = join(place.folder, 'file');
    await writeFile(file, '');
    const folder = join(file, 'sub');

    const { code, stderr } = await runLocal({ ...place, folder });

    expect(code).toBe(1);
    expect(stderr.trim()).toMatch(new RegExp(`^The folder ${folder} can't be written to .*LOCAL_DIR.*\\.$`));
    expect(await portsInUse(place)).toEqual([]);
  });

  test('with a wrong setting names the setting, and touches nothing', async () => {
    const place = await aPlace();
    const folder = join(place.folder, 'sub');

    const { code, stderr } = await runLocal({ ...place, folder }, { PORT: 'abc' });

    expect(code).toBe(1);
    expect(stderr.trim()).toMatch(/^The configuration is wrong .*:\n {2}PORT must be a whole number .*$/);
    expect(existsSync(folder)).toBe(false);
  });
});

test('a process whose log nobody reads any more still ends', async () => {
  const script = `import { openLog } from './src/log.ts';
    const log = openLog('info');
    process.stdin.resume().once('end', () => {
      log.info('one line');
      log.info('and another');
      process.exit(0);
    });`;
  const cwd = fileURLToPath(new URL('../../', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    cwd,
    timeout: 10_000,
  });

  child.stdout.destroy();
  child.stdin.end();

  const [code, signal] = await once(child, 'exit');
  expect({ code, signal }).toEqual({ code: 0, signal: null });
});

describe('Dynoxide', () => {
  const package_ = `../../node_modules/@dynoxide/${process.platform}-${process.arch}/dynoxide`;
  const packaged = fileURLToPath(new URL(package_, import.meta.url));

  test.runIf(existsSync(packaged))('is the one of the npm package, whatever is on the PATH', async () => {
    const folder = await aFolderWith('dynoxide', 0o755);

    const found = await findDynoxide(folder);

    expect(found).toBe(realpathSync(packaged));
  });

  test('is the first one on the PATH that can be run, where there is no package for the platform', async () => {
    onAnotherPlatform();
    const [without, notExecutable, first, second] = await Promise.all([
      aFolderWith('something_else', 0o755),
      aFolderWith('dynoxide', 0o644),
      aFolderWith('dynoxide', 0o755),
      aFolderWith('dynoxide', 0o755),
    ]);

    const found = await findDynoxide(['', without, notExecutable, first, second].join(delimiter));

    expect(found).toBe(join(first, 'dynoxide'));
  });

  test('that is nowhere is an error that says how to use DynamoDB Local', async () => {
    onAnotherPlatform();

    const finding = findDynoxide('');

    await expect(finding).rejects.toThrow(LocalStackError);
    await expect(finding).rejects.toThrow(/plan9.*docker compose up dynamodb.*DYNAMODB_ENDPOINT=http:\S+\.$/);
  });

  function onAnotherPlatform(): void {
    const { platform } = process;
    Object.defineProperty(process, 'platform', { value: 'plan9' });
    onTestFinished(() => {
      Object.defineProperty(process, 'platform', { value: platform });
    });
  }

  async function aFolderWith(file: string, mode: number): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'cruddur-path-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, file), '#!/bin/sh\n');
    await chmod(join(folder, file), mode);
    return folder;
  }
});

async function whichRun(processes: readonly ProcessMark[]): Promise<ProcessMark[]> {
  const running = await Promise.all(processes.map(isRunning));
  return processes.filter((_, index) => running[index]);
}

function named(processes: readonly ProcessMark[], name: string): ProcessMark {
  const found = processes.find(({ mark }) => mark.endsWith(name));
  if (!found) throw new Error(`No process of ${name} was written down`);
  return found;
}

async function within<Result>(milliseconds: number, work: Promise<Result>): Promise<Result> {
  const late = AbortSignal.timeout(milliseconds);
  return Promise.race([
    work,
    new Promise<never>((_, reject) => {
      late.addEventListener('abort', () => reject(new Error(`Not within ${milliseconds} ms`)));
    }),
  ]);
}

/** Keeps some requests under way, and with them lines of the log, until nobody answers. */
async function beAsked(url: URL): Promise<void> {
  let answers = 0;
  const keepAsking = async () => {
    for (;;) {
      await fetch(url);
      answers += 1;
    }
  };
  for (let each = 0; each < 4; each += 1) keepAsking().catch(() => {});
  await until(() => answers > 20);
}

/** Takes a port while the test runs. */
async function listen(port: number): Promise<void> {
  const server = createServer().listen(port, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
}
