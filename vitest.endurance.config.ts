import { defineConfig } from 'vitest/config';
import suite from './vitest.config.ts';

/** Tests that take longer than the suite should: `npm run test:endurance`. One file at a time: each loads the machine by itself. */
export default defineConfig({
  ...suite,
  test: { ...suite.test, include: ['test/**/*.endurance.ts'], fileParallelism: false },
});
