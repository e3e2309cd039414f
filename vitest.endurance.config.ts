import { defineConfig } from 'vitest/config';
import suite from './vitest.config.ts';

/**
 * Tests that take longer than the suite should: `npm run test:endurance`. One file at a time: each loads the machine by itself.
 * It runs in shards, because the engine slows down as the streams of all tables grow.
 */
export default defineConfig({
  ...suite,
  test: { ...suite.test, include: ['test/**/*.endurance.ts'], fileParallelism: false },
});
