import { expect, test } from 'vitest';
import { createEventFrames } from '../../src/load/event-frames.ts';

test('hands on each event once, wherever the stream is cut', () => {
  const bytes = Buffer.from('id: 1\ndata: one\n\n: heartbeat\n\nid: 2\ndata: two\n\nid: 3');
  for (let cut = 1; cut < bytes.length; cut += 1) {
    const frames: string[] = [];
    const push = createEventFrames((frame) => frames.push(frame.toString()));
    push(bytes.subarray(0, cut));
    push(bytes.subarray(cut));
    expect(frames, `cut at ${cut}`).toEqual([
      'id: 1\ndata: one',
      ': heartbeat',
      'id: 2\ndata: two',
    ]);
  }
});
