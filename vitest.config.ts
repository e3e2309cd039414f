import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Node takes the package's CommonJS entry, which the libraries get too; Vite by itself would load a second copy beside it.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    // Much of the time is spent waiting for processes and leases: two files more fill two cores.
    maxWorkers: 4,
    // Files share nothing that one could change for another: every test has its own table and people.
    isolate: false,
    setupFiles: ['test/setup.ts'],
    globalSetup: ['test/logs/setup.ts', 'test/support/engines.ts'],
    // To stop the engines, and to search all logs for secrets.
    teardownTimeout: 60_000,
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
