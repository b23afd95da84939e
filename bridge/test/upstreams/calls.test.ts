// Calls over a shared connection, to servers of both eras.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createHarness, errorOf, stdio, textOf, toolCall, until } from './harness.ts';

describe.each([
  ['legacy', 'legacy-server.mjs'],
  ['modern', 'modern-server.mjs'],
] as const)('a %s server over stdio', (era, file) => {
  it('starts on the first call, answers, and says what it is', async () => {
    const { upstreams } = createHarness();
    await upstreams.configure([stdio('one', file)]);
    expect(upstreams.status()[0]).toMatchObject({ state: 'stopped', pids: [], inFlight: 0 });

    const outcomes = await Promise.all(
      ['a', 'b', 'c'].map((text) => upstreams.send(toolCall('one', 'echo', { text }))),
    );

    expect(outcomes.map(textOf)).toEqual(['a', 'b', 'c']);
    const [status] = upstreams.status();
    expect(status).toMatchObject({ state: 'ready', era, transport: 'stdio', restarts: 0 });
    expect(status?.serverInfo?.name).toBe(`${era}-fixture`);
    expect(status?.pids).toHaveLength(1);
  });

  // Holds: legacy/list-pages
  it('reads every page of what it offers', async () => {
    const { upstreams, events } = createHarness();
    await upstreams.configure([stdio('one', file)]);
    const listing = await upstreams.discover('one');
    expect(listing.tools.map((tool) => tool['name'])).toEqual(
      expect.arrayContaining(['echo', 'rpc_error', 'slow']),
    );
    expect(listing.serverInfo.name).toBe(`${era}-fixture`);
    expect(events).toContainEqual(expect.objectContaining({ kind: 'offer', name: 'one', listing }));
  });

  // Holds: legacy/unknown-tool
  it('tells a tool error from a protocol error and keeps the error as it was', async () => {
    const { upstreams } = createHarness();
    await upstreams.configure([stdio('one', file)]);
    expect(await upstreams.send(toolCall('one', 'fail'))).toMatchObject({
      kind: 'tool_error',
      result: { isError: true },
    });
    expect(await upstreams.send(toolCall('one', 'rpc_error'))).toEqual({
      kind: 'protocol_error',
      error: {
        code: -32042,
        message: expect.stringContaining('no such thing'),
        data: { hint: 'look elsewhere' },
      },
    });
  });

  it('keeps the caller away from the protocol and the bridge key away from strangers', async () => {
    const { upstreams } = createHarness();
    await upstreams.configure([stdio('one', file)]);
    const call = toolCall('one', 'whoami');
    const outcome = await upstreams.send({
      ...call,
      params: {
        ...call.params,
        _meta: {
          progressToken: 'mine',
          traceparent: '00-1-2-01',
          'io.modelcontextprotocol/clientInfo': { name: 'spoofed', version: '0' },
          'io.drawbridge/caller': { key: 'forged' },
        },
      },
    });
    const { meta } = JSON.parse(textOf(outcome));
    expect(meta.traceparent).toBe('00-1-2-01');
    expect(meta.progressToken).not.toBe('mine');
    expect(meta['io.drawbridge/caller']).toBeUndefined();
    const info = meta['io.modelcontextprotocol/clientInfo'];
    expect(info?.name).toBe(era === 'modern' ? 'drawbridge' : undefined);
  });

  it('sends progress to the call it belongs to, the last step included', async () => {
    const { upstreams } = createHarness();
    await upstreams.configure([stdio('one', file)]);
    const seen: Record<string, number[]> = { a: [], b: [] };
    const send = (name: string, steps: number) =>
      upstreams.send(
        toolCall(
          'one',
          'progress',
          { steps, ms: 5 },
          {
            sink: {
              progress: ({ progress }) => void seen[name]?.push(progress),
              message: () => undefined,
            },
          },
        ),
      );
    await Promise.all([send('a', 3), send('b', 5)]);
    expect(seen).toEqual({ a: [1, 2, 3], b: [1, 2, 3, 4, 5] });
  });

  it('passes cancellation on to the server', async () => {
    const { upstreams, home } = createHarness();
    const marker = `${home}/slow`;
    await upstreams.configure([stdio('one', file)]);
    const controller = new AbortController();
    const sent = upstreams.send(
      toolCall('one', 'slow', { ms: 60_000, file: marker }, { signal: controller.signal }),
    );
    await until(() => existsSync(marker));
    controller.abort();
    expect(await sent).toEqual({ kind: 'cancelled' });
    await until(() => readFileSync(marker, 'utf8').includes('cancelled'));
  });

  // Holds: legacy/timeout-progress
  it('renews the timeout on progress, and names it when it strikes', async () => {
    const { upstreams } = createHarness();
    await upstreams.configure([stdio('one', file, { options: { timeout: 400 } })]);
    expect(textOf(await upstreams.send(toolCall('one', 'progress', { steps: 6, ms: 120 })))).toBe(
      'done',
    );
    const late = await upstreams.send(toolCall('one', 'slow', { ms: 5_000 }));
    expect(late.kind).toBe('timed_out');
    expect(errorOf(late)).toMatchObject({
      message: expect.stringContaining('upstream "one" did not answer within 0.4 s'),
      data: { code: 'upstream/timeout', upstream: 'one' },
    });
  });
});
