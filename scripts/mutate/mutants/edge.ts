// Faults in the edge, the fronts behind it, and whose requests they serve.
import type { Mutant } from './mutant.ts';

export const edgeMutants: readonly Mutant[] = [
  {
    name: 'a Host that only begins like loopback is taken',
    file: 'bridge/src/fast/fast-request.ts',
    find: String.raw`\[::1\])(?::\d+)?$/`,
    replace: String.raw`\[::1\])(?::\d+)?/`,
    tests: ['bridge/test/fast/parity.test.ts'],
  },
];
