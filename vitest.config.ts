import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: ['unit', 'property', 'contract', 'emulators', 'e2e'].map((name) => ({
      extends: true as const,
      test: { name, include: [`test/${name}/**/*.test.ts`] },
    })),
  },
});
