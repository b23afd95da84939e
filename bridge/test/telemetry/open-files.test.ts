// A process without a free descriptor says so, once, and in /ready.
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { watchOpenFiles } from '../../src/telemetry/open-files.ts';

test('no file descriptor left is told once, and again when it has passed', async () => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({}, { write: (line) => void lines.push(JSON.parse(line)) });
  let isShort = false;
  const files = watchOpenFiles(logger, () => {
    if (isShort) throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
  });
  onTestFinished(files.close);
  await expect(files.check()).resolves.toBe('there is room');
  isShort = true;
  for (const _ of [1, 2, 3]) await expect(files.check()).rejects.toThrow('ulimit -n');
  expect(lines).toMatchObject([{ level: 50, msg: expect.stringContaining('no file descriptor') }]);
  isShort = false;
  await expect(files.check()).resolves.toBe('there is room');
});
