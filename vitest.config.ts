import { defineConfig } from 'vitest/config';

/** They measure what others have to wait, so nothing runs beside them. */
const alone = ['bridge/test/catalog/hostile-lists.test.ts', 'bridge/test/edge/loop-delay.test.ts'];

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: [
            'bridge/test/**/*.test.ts',
            'servers/*/test/**/*.test.ts',
            'schemas/test/**/*.test.ts',
            'registry/test/**/*.test.ts',
            'bench/test/**/*.test.ts',
            'test/**/*.test.ts',
          ],
          exclude: ['**/node_modules/**', ...alone],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: alone,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
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
