import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import type { User } from '../../src/model.ts';
import { getSummary } from '../../src/table/summaries.ts';
import type { Table } from '../../src/table/table.ts';
import { awsCredentials, expectLines, keepErrors, keepStream } from '../logs/collect.ts';
import { runCommand, targetOf } from '../support/command-line.ts';
import { groupIdOf, sendAs, users } from '../support/groups.ts';
import { aTable, testRegion } from '../support/table.ts';
import { startWorker, useCheckpoints } from '../support/worker.ts';

/** The commit before summaries had their last shape. */
const OLD = 'fc5c0cc';
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const hasHistory = spawnSync('git', ['cat-file', '-e', `${OLD}^{commit}`], { cwd: ROOT }).status === 0;

/** Bundles the worker of the old commit with today's packages. @returns the path of the bundle */
async function bundleOldWorker(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cruddur-old-worker-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const archive = execFileSync('git', ['archive', OLD, 'src', 'package.json', 'tsconfig.json'], {
    cwd: ROOT,
    maxBuffer: 64 * 1024 * 1024,
  });
  execFileSync('tar', ['-x', '-C', folder], { input: archive });
  const outfile = join(folder, 'worker.mjs');
  await build({
    entryPoints: [join(folder, 'src/worker.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile,
    nodePaths: [join(ROOT, 'node_modules')],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'error',
  });
  return outfile;
}

/** Starts the old worker on a table, until the test is over. @returns what ends it, with its exit code */
function startOldWorker(bundle: string, table: Table): { logged: () => string; stop: () => Promise<number | null> } {
  const child = spawn(process.execPath, [bundle], {
    env: {
      ...process.env,
      ...awsCredentials(),
      AWS_REGION: testRegion(),
      DYNAMODB_ENDPOINT: inject('dynamodbEndpoint'),
      DYNAMODB_TABLE: table.name,
      LEASE_SECONDS: '2',
      LOG_LEVEL: 'debug',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  keepStream('log', child.stdout);
  keepErrors(child.stderr);
  expectLines();
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return {
    logged: () => output,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
      return child.exitCode;
    },
  };
}

test.skipIf(!hasHistory)(
  `the worker of commit ${OLD} and today’s work beside each other on one table, and all summaries are right`,
  async () => {
    const table = await aTable();
    await useCheckpoints(table);
    const groups = [2, 3, 8, 9, 20].map((size) => users(size));
    for (const members of groups) await sendAs(table, members, members[0] as User, 'first');
    const old = startOldWorker(await bundleOldWorker(), table);
    await vi.waitFor(() => expect(old.logged()).toContain('batch done'), { timeout: 30_000 });
    const today = startWorker(table, 2);
    await vi.waitFor(() => expect(today.log().map(({ msg }) => msg)).toContain('reading a shard'), { timeout: 30_000 });

    for (let round = 0; round < 60; round += 1) {
      for (const members of groups)
        await sendAs(table, members, members[round % members.length] as User, `${round} ${'long '.repeat(round)}`);
    }

    await vi.waitFor(
      async () => {
        for (const members of groups) {
          for (const { id } of members)
            expect((await getSummary(table, id, groupIdOf(members)))?.lastSequence).toBe(61);
        }
      },
      { timeout: 60_000, interval: 200 },
    );
    expect(await runCommand(targetOf(table), 'summaries', 'verify')).toMatchObject({ code: 0 });
    // The old worker sets records of large groups aside, because it cannot read a summary without members. Today's worker sets none aside.
    expect(today.log().map(({ msg }) => msg)).not.toContain('dead letter');
    expect(today.log().map(({ msg }) => msg)).toContain('batch done');
    expect(await today.stop()).toBe(0);
    expect(await old.stop()).toBe(0);
  },
  180_000,
);
