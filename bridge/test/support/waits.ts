// Tests that wait for something give up when the test does, and not after vitest's second: on a busy
// machine that is too short, and a limit of its own decides nothing. `expect.poll` has its default in
// vitest.config.ts; `vi.waitFor` has no such setting.
import { vi } from 'vitest';

const { waitFor } = vi;
vi.waitFor = (callback, options) =>
  waitFor(callback, typeof options === 'number' ? options : { timeout: 15_000, ...options });
