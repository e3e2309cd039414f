import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
const CONFIG = fileURLToPath(new URL('./runs/vitest.config.ts', import.meta.url));

/** A run of Vitest with one test, which succeeds, and logs these lines. */
function run(logged: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const { PATH, HOME } = process.env;
  return new Promise((resolve) => {
    const options = { env: { PATH, HOME, LOGGED: logged } };
    execFile(process.execPath, [VITEST, 'run', '--config', CONFIG], options, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

test('a run whose tests succeed fails all the same when a log holds a secret, and says where but not which', async () => {
  const { code, stdout, stderr } = await run('started\nconnecting with correct-horse-battery');

  expect(code).toBe(1);
  expect(stdout).toContain('1 passed');
  expect(stderr).toContain('test/logs/runs/run.fixture.ts (log), line 2: a password: connecting with ▮▮▮\n');
  expect(stdout + stderr).not.toContain('correct-horse-battery');
});

test('a run fails when nothing was logged where something had to be', async () => {
  const { code, stderr } = await run('');

  expect(code).toBe(1);
  expect(stderr).toContain('test/logs/runs/run.fixture.ts (log): nothing was logged, or it was not kept\n');
});

test('a run whose logs hold no secret succeeds, and says how much was searched', async () => {
  const { code, stdout } = await run('started\nended');

  expect(code).toBe(0);
  expect(stdout).toContain('2 lines of 1 logs searched for 1 secrets\n');
});
