import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { User } from '../../src/model.ts';
import { getSummary } from '../../src/table/summaries.ts';
import { runCommand, targetOf } from '../support/command-line.ts';
import { groupIdOf, sendAs, users } from '../support/groups.ts';
import { aTable } from '../support/table.ts';
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

test.skipIf(!hasHistory)(
  `the worker of commit ${OLD} and today’s work beside each other on one table, and all summaries are right`,
  async () => {
    const table = await aTable();
    await useCheckpoints(table);
    const groups = [2, 3, 8, 9, 20].map((size) => users(size));
    for (const members of groups) await sendAs(table, members, members[0] as User, 'first');
    const old = startWorker(table, 2, { modules: [await bundleOldWorker()] });
    await vi.waitFor(() => expect(old.log().map(({ msg }) => msg)).toContain('batch done'), { timeout: 30_000 });
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
