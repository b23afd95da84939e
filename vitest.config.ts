import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'bridge/test/**/*.test.ts',
      'servers/*/test/**/*.test.ts',
      'schemas/test/**/*.test.ts',
      'registry/test/**/*.test.ts',
      'bench/test/**/*.test.ts',
      'test/**/*.test.ts',
    ],
    globalSetup: ['bridge/test/support/postgres-server.ts'],
    // Most tests wait for processes, so a few more than there are cores.
    maxWorkers: 3,
    setupFiles: ['bridge/test/support/waits.ts'],
    expect: { poll: { timeout: 15_000 } },
    testTimeout: 20_000,
    hookTimeout: 20_000,
    coverage: {
      provider: 'v8',
      include: ['bridge/src/**', 'servers/*/src/**', 'schemas/src/**', 'registry/src/**'],
      thresholds: { lines: 80 },
    },
  },
});
