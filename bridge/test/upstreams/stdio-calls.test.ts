// What calls over a server's stdio share: ids, one pipe each way, and answers that come too late.
import { describe, expect, it } from 'vitest';
import type { JSONRPCMessage } from '@modelcontextprotocol/client';
import { DrawbridgeError } from '../../src/errors.ts';
import { StdioCalls, type StdioCallOptions } from '../../src/upstreams/stdio/stdio-calls.ts';
import { createHarness, stdio, textOf, toolCall } from './harness.ts';

describe('over a real server', () => {
  const open = async () => {
    const { upstreams } = createHarness();
    await upstreams.configure([stdio('one', 'one-write.mjs')]);
    return upstreams;
  };

  it('what stands before an answer in the same piece reaches the call', async () => {
    const upstreams = await open();
    const heard: unknown[] = [];
    const sink = {
      progress: ({ progress }: { progress: number }) => void heard.push(progress),
      message: ({ data }: { data: unknown }) => void heard.push(data),
    };
    await upstreams.send(toolCall('one', 'burst', {}, { sink }));
    expect(heard).toEqual([1, 'on the way']);
  });

  it('a call has an id of its own that fits into 32 bits, and it is the progress token', async () => {
    const upstreams = await open();
    const ids = new Set<number>();
    for (let n = 0; n < 3; n += 1) {
      const { id, token } = JSON.parse(textOf(await upstreams.send(toolCall('one', 'burst'))));
      expect(token).toBe(id);
      expect(id).toBeGreaterThan(1_000_000);
      expect(id).toBeLessThan(2 ** 31);
      ids.add(id);
    }
    expect(ids.size).toBe(3);
  });

  it('the late answer of a cancelled call is nobody else’s', async () => {
    const upstreams = await open();
    const controller = new AbortController();
    const held = upstreams.send(toolCall('one', 'hold', {}, { signal: controller.signal }));
    await upstreams.send(toolCall('one', 'burst'));
    controller.abort();
    expect(await held).toEqual({ kind: 'cancelled' });
    const release = await upstreams.send(toolCall('one', 'release'));
    const burst = await upstreams.send(toolCall('one', 'burst'));
    expect(JSON.parse(textOf(burst)).id).toBe(JSON.parse(textOf(release)).id + 1);
  });
});

describe('at the pipe', () => {
  const params = { params: { name: 'tool', arguments: {} }, meta: { traceparent: '00-1-2-01' } };
  const quiet: StdioCallOptions = {
    timeoutMs: 1_000,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    envelope: undefined,
  };

  function build() {
    const sent: JSONRPCMessage[] = [];
    const push = (message: JSONRPCMessage): void => void sent.push(message);
    return { sent, calls: new StdioCalls({ write: push, tell: push }) };
  }

  it('a modern server gets its envelope, and the call’s own keys stand above it', () => {
    const { sent, calls } = build();
    void calls.send('tools/call', params, {
      ...quiet,
      envelope: { version: 'v', traceparent: 'x' },
    });
    expect(sent[0]).toMatchObject({
      method: 'tools/call',
      params: {
        name: 'tool',
        _meta: { version: 'v', traceparent: '00-1-2-01', progressToken: expect.any(Number) },
      },
    });
    calls.end('over');
  });

  it('a call that is cancelled before it is sent is not sent', async () => {
    const { sent, calls } = build();
    const signal = AbortSignal.abort();
    expect(await calls.send('tools/call', params, { ...quiet, signal })).toEqual({
      kind: 'cancelled',
    });
    expect(sent).toEqual([]);
  });

  it('all calls under way end when the connection does, and leave nothing behind', async () => {
    const { calls } = build();
    const sent = [1, 2, 3].map(() => calls.send('tools/call', params, quiet));
    expect(calls.ids).toHaveLength(3);
    calls.end('exit code 1');
    expect(await Promise.all(sent)).toEqual(
      Array.from({ length: 3 }, () => ({ kind: 'lost', why: 'exit code 1' })),
    );
    expect(calls.ids).toEqual([]);
  });

  it('a message that nobody here waits for is left to others', () => {
    const { calls } = build();
    expect(calls.take({ jsonrpc: '2.0', id: 1, result: {} })).toBe(false);
    const progress = { progressToken: 1, progress: 1 };
    expect(calls.take({ jsonrpc: '2.0', method: 'notifications/progress', params: progress })).toBe(
      false,
    );
  });

  it('a call that cannot be written is refused and not waited for', async () => {
    const busy = new DrawbridgeError('upstream/busy', 'it does not read');
    const calls = new StdioCalls({
      write() {
        throw busy;
      },
      tell: () => undefined,
    });
    await expect(calls.send('tools/call', params, quiet)).rejects.toBe(busy);
    expect(calls.ids).toEqual([]);
  });
});
