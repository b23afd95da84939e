import { expect, onTestFinished, test, vi } from 'vitest';
import { createEventStream, toFrame } from '../../../src/edge/http/sse.ts';

const never = new AbortController().signal;

test('frames an event with its id and type, a line of data at a time', async () => {
  const stream = createEventStream({ signal: never });
  stream.send(toFrame({ id: '7', event: 'call.started', data: 'one\ntwo\r\nthree\rfour' }));
  stream.close();
  expect(await stream.response.text()).toBe(
    ': \n\nid: 7\nevent: call.started\ndata: one\ndata: two\ndata: three\ndata: four\n\n',
  );
});

test('one frame goes to many streams', async () => {
  const streams = [1, 2, 3].map(() => createEventStream({ signal: never }));
  const frame = toFrame({ data: 'for all' });
  for (const stream of streams) {
    stream.send(frame);
    stream.close();
  }
  const texts = await Promise.all(streams.map(({ response }) => response.text()));
  expect(texts).toEqual(Array(3).fill(': \n\ndata: for all\n\n'));
});

test('a reader that leaves ends the stream', async () => {
  const onClose = vi.fn<() => void>();
  const stream = createEventStream({ signal: never, onClose });
  await stream.response.body?.cancel();
  expect(onClose).toHaveBeenCalledOnce();
  expect(stream.send(toFrame({ data: 'late' }))).toBe(false);
});

test('an aborted request ends the stream, also when it was aborted before', async () => {
  const abort = new AbortController();
  const stream = createEventStream({ signal: abort.signal });
  abort.abort();
  expect(await stream.response.text()).toBe(': \n\n');
  const late = createEventStream({ signal: abort.signal });
  expect(await late.response.text()).toBe(': \n\n');
});

test('tells when a slow reader has room again', async () => {
  const stream = createEventStream({ signal: never });
  stream.send(toFrame({ data: 'x'.repeat(2 * 1024 * 1024) }));
  const drained = vi.fn<() => void>();
  const waiting = stream.drained().then(drained);
  await new Promise(setImmediate);
  expect(drained).not.toHaveBeenCalled();
  const reader = stream.response.body?.getReader();
  await reader?.read();
  await reader?.read();
  await waiting;
  expect(drained).toHaveBeenCalledOnce();
  stream.close();
});

test('a waiting sender is let go when the reader leaves', async () => {
  const stream = createEventStream({ signal: never });
  stream.send(toFrame({ data: 'x'.repeat(2 * 1024 * 1024) }));
  const waiting = stream.drained();
  await stream.response.body?.cancel();
  await expect(waiting).resolves.toBeUndefined();
});

test.each(['closed', 'left', 'aborted'])(
  'no heartbeat goes on for a stream that was %s',
  async (how) => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const abort = new AbortController();
    const stream = createEventStream({ signal: abort.signal });
    expect(vi.getTimerCount()).toBe(1);
    if (how === 'closed') stream.close();
    else if (how === 'left') await stream.response.body?.cancel();
    else abort.abort();
    expect(vi.getTimerCount()).toBe(0);
  },
);

test('a quiet stream has a heartbeat', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const stream = createEventStream({ signal: never });
  vi.advanceTimersByTime(45_000);
  stream.close();
  expect(await stream.response.text()).toBe(': \n\n'.repeat(4));
});
