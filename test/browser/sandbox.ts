import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { readLocalConfig } from '../../src/config/local.ts';
import { startStack, stopStack, type Undo } from '../../src/local/stack.ts';

/**
 * Opens the landing page of the local stack in a browser. Apollo's script comes from Apollo's servers, so a stand-in takes its
 * place: it keeps what the page hands to Sandbox, which is then used as Sandbox would use it.
 */

const STAND_IN = 'window.EmbeddedSandbox = class { constructor(handed) { window.handed = handed; } };';

interface Handed {
  readonly initialEndpoint: string;
  readonly initialState: { readonly document: string; readonly headers: Record<string, string> };
}

interface InboxReply {
  readonly errors?: unknown;
  readonly data: {
    readonly viewer: { readonly handle: string };
    readonly messageGroups: { readonly edges: unknown[] };
  };
}

const folder = await mkdtemp(join(tmpdir(), 'sandbox-'));
const undo: Undo = [];
try {
  const config = readLocalConfig({ ...process.env, PORT: '4100', LOCAL_DIR: folder, LOG_LEVEL: 'warn' });
  const { addresses } = await startStack(
    config,
    undo,
    (output) => output.pipe(process.stdout),
    AbortSignal.timeout(60_000),
  );
  await lookAt(addresses.graphqlUrl);
  process.stdout.write('Sandbox opens signed in, and its first operation runs\n');
} finally {
  await stopStack(undo);
  await rm(folder, { recursive: true, force: true });
}
process.exit();

async function lookAt(url: string): Promise<void> {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
  try {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.route(
      (address) => address.hostname.endsWith('apollographql.com') || address.hostname.endsWith('googleapis.com'),
      (route) =>
        route.request().resourceType() === 'script'
          ? route.fulfill({ contentType: 'text/javascript', body: STAND_IN })
          : route.fulfill({ status: 204 }),
    );

    await page.goto(url);

    const handed = await page.evaluate(() => (globalThis as unknown as { handed?: Handed }).handed);
    assert.deepEqual(complaints, [], 'the page runs without complaints');
    assert(handed, 'the page hands its state to Sandbox');
    assert.equal(handed.initialEndpoint, url);
    for (const operation of ['Inbox', 'Page', 'Poll', 'Send', 'Start', 'MarkRead']) {
      assert.match(handed.initialState.document, new RegExp(`(query|mutation) ${operation}\\b`));
    }
    const reply = await page.evaluate(async ({ initialEndpoint, initialState }) => {
      const response = await fetch(initialEndpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...initialState.headers },
        body: JSON.stringify({ query: initialState.document, operationName: 'Inbox' }),
      });
      return (await response.json()) as InboxReply;
    }, handed);
    assert.equal(reply.errors, undefined);
    assert.equal(reply.data.viewer.handle, 'andrewbrown');
    assert(reply.data.messageGroups.edges.length > 0, 'the inbox has conversations');
  } finally {
    await browser.close();
  }
}
