// With little memory left nothing new is begun, and a small heap makes small queues.
import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createHeapRoom } from '../../src/flow/heap-room.ts';

test('is short near the limit, until there is enough again, and says so once', async () => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({}, { write: (line) => void lines.push(JSON.parse(line)) });
  let use = 0.8;
  const heap = createHeapRoom(logger, () => use);
  onTestFinished(heap.close);
  expect(heap.isShort).toBe(false);
  use = 0.9;
  await vi.waitFor(() => expect(heap.isShort).toBe(true));
  expect(lines).toMatchObject([{ use: 0.9, msg: expect.stringContaining('nearly full') }]);
  use = 0.8;
  await new Promise((resolve) => {
    setTimeout(resolve, 300);
  });
  expect(heap.isShort).toBe(true);
  use = 0.7;
  await vi.waitFor(() => expect(heap.isShort).toBe(false));
  expect(lines).toHaveLength(1);
});
