import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const CHECK = fileURLToPath(new URL('../check-node.cjs', import.meta.url));

/** Runs the check as if Node had this version. */
function check(version: string) {
  const versions = JSON.stringify({ ...process.versions, node: version });
  const script = `Object.defineProperty(process, 'versions', { value: ${versions} }); require(${JSON.stringify(CHECK)})`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

test.each(['18.12.0', '20.11.1', '20.18.3'])('Node %s is too old, which one sentence says', (version) => {
  expect(check(version)).toEqual({
    status: 1,
    output: `cruddur-messages needs Node 20.19 or newer. This is Node ${version}.\n`,
  });
});

test.each(['20.19.0', '22.1.0', '24.0.0'])('Node %s will do', (version) => {
  expect(check(version)).toEqual({ status: 0, output: '' });
});

test('the check runs before everything that runs the project, and says what package.json does', () => {
  const { scripts, engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

  expect(engines.node).toBe('>=20.19');
  // npm runs no script named "prestart" here, because .npmrc has `ignore-scripts`.
  for (const name of ['start', 'token', 'cli', 'build', 'test'])
    expect(scripts[name]).toMatch(/^node check-node\.cjs && /);
});
