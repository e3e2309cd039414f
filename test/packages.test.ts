import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface LockedPackage {
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
}

const ROOT = new URL('../', import.meta.url);

function readJson(file: string) {
  return JSON.parse(readFileSync(new URL(file, ROOT), 'utf8'));
}

const { packages } = readJson('package-lock.json') as { packages: Record<string, LockedPackage> };
const installed = Object.entries(packages).filter(([path]) => path !== '');

test('what is installed is pinned by its content, and comes from the registry', () => {
  expect(installed.length).toBeGreaterThan(100);
  for (const [path, { integrity, resolved, link }] of installed) {
    expect([path, integrity]).toEqual([path, expect.stringMatching(/^sha512-/)]);
    expect([path, link ?? false]).toEqual([path, false]);
    // Where the lock says nothing, it is the registry that npm is set up with.
    if (resolved !== undefined) expect(resolved).toMatch(/^https:\/\/registry\.npmjs\.org\//);
  }
});

test('every package that is asked for is asked for by its version, and not from anywhere else', () => {
  const { dependencies, devDependencies, optionalDependencies } = readJson('package.json');
  const asked = Object.entries<string>({ ...dependencies, ...devDependencies, ...optionalDependencies });

  expect(asked.filter(([, version]) => !/^[~^]?\d+(\.\d+){0,2}$/.test(version))).toEqual([]);
});

test('no package’s scripts are run when it is installed', () => {
  expect(readFileSync(new URL('.npmrc', ROOT), 'utf8')).toContain('ignore-scripts=true');
  expect(readFileSync(new URL('Dockerfile', ROOT), 'utf8')).toMatch(/npm ci .*--ignore-scripts/);
});
