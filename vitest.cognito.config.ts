import { defineConfig } from 'vitest/config';
import suite from './vitest.config.ts';

/** What needs cognito-local, which is too large for a dependency and is fetched for it: `npm run test:cognito`. */
export default defineConfig({
  ...suite,
  test: {
    ...suite.test,
    include: ['test/**/*.cognito.ts'],
    globalSetup: ['test/logs/setup.ts', 'test/support/engines.ts', 'test/support/fetch-cognito-local.ts'],
  },
});
