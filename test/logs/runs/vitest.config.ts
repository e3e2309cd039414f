import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** For runs within the tests: the search of the logs is the suite's, and the engines are left out. */
export default defineConfig({
  root: fileURLToPath(new URL('../../..', import.meta.url)),
  test: { include: ['test/logs/runs/run.fixture.ts'], globalSetup: 'test/logs/setup.ts' },
});
