import { defineConfig } from 'vitest/config';

/** `npm run test:long`: what is too long for each commit. Run by hand; the result goes into the release notes. */
export default defineConfig({
  test: {
    include: ['test/**/*.long.test.ts'],
    globalSetup: ['test/support/temporary-directory.ts', 'test/support/shared-storage.ts'],
    maxWorkers: 1,
    testTimeout: 1_800_000,
    hookTimeout: 120_000,
    passWithNoTests: true,
  },
});
