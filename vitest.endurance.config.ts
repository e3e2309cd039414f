import { defineConfig } from 'vitest/config';
import suite from './vitest.config.ts';

/** What takes longer than the suite should: `npm run test:endurance`. */
export default defineConfig({ ...suite, test: { ...suite.test, include: ['test/**/*.endurance.ts'] } });
