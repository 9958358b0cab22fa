import { defineConfig } from 'vitest/config';
import { BaseSequencer } from 'vitest/node';
import type { TestSpecification } from 'vitest/node';

/** Parts of paths in the order in which their files begin: the longest first, so that none of them runs alone at the end. */
const ORDER = [
  ...['/delivery-faults.', '/conversion-faults.', '/chain-command.', '/click-cap.', '/delivery-isolation.', '/kill.'],
  ...['/e2e/', '/integration/local/', ''],
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => ORDER.findIndex((part) => moduleId.includes(part));
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

/** `npm test`: everything that ends within six minutes on two cores. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/**/*.long.test.ts'],
    globalSetup: ['test/support/temporary-directory.ts', 'test/support/shared-storage.ts'],
    sequence: { sequencer: LongestFirst },
    maxWorkers: 3,
    // Modules are loaded once a worker, not once a file: a file that loads a handler calls vi.resetModules() before.
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
