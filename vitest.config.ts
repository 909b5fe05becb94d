import { defineConfig } from 'vitest/config';
import { FailureModesReporter } from './test/failure-modes/reporter.ts';

export default defineConfig({
  test: {
    // What the app logs is shown for tests that fail; the rest would bury them.
    silent: 'passed-only',
    reporters: ['default', new FailureModesReporter()],
    projects: ['unit', 'property', 'contract', 'simulation', 'emulators', 'e2e'].map((name) => ({
      extends: true as const,
      test: {
        name,
        include: [`test/${name}/**/*.test.ts`],
        hookTimeout: 60_000,
        testTimeout: 30_000,
        // Two cores: a second environment at the same time would only make both slow.
        fileParallelism: name !== 'e2e',
      },
    })),
  },
});
