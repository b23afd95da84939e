// A principal that makes more calls than it may: it waits or is refused, and others notice nothing.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Call, Outcome, RoutedCall } from '../../src/calls/call.ts';
import { build, call, result } from './pipeline-fixture.ts';

describe('a flood of one principal', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const never = (): Promise<Outcome> => new Promise(() => undefined);

  test('that is refused is logged a few times, then counted, and answered slowly', async () => {
    const { run, events } = build({ limit: 1, send: never, effect: 'read' });
    void run();
    let refused = 0;
    for (let index = 0; index < 500; index += 1) {
      void run(call({ id: `refused-${index}` })).then((outcome) => {
        expect(outcome).toMatchObject({
          kind: 'denied',
          error: { data: { code: 'policy/limit' } },
        });
        refused += 1;
      });
    }
    await vi.advanceTimersByTimeAsync(0);
    expect(refused).toBe(20);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(refused).toBe(500);
    const denied = events.filter(({ type }) => type === 'call.denied');
    expect(denied).toHaveLength(21);
    const others = denied.map(({ payload }) => ('others' in payload ? payload.others : 0));
    expect(others.reduce((sum, count) => (sum ?? 0) + (count ?? 0), 0)).toBe(479);
  });

  test('keeps a large argument of a refused call out of the log', async () => {
    const { run, events } = build({ limit: 1, send: never, effect: 'read' });
    void run();
    const params = { name: 's__tool', arguments: { text: 'x'.repeat(100_000) } };
    expect(await run(call({ params }))).toMatchObject({ kind: 'denied' });
    const denied = events.find(({ type }) => type === 'call.denied');
    expect(JSON.stringify(denied).length).toBeLessThan(1_000);
  });

  test('waits in a window while others call, and leaves it when it takes long', async () => {
    const sent: string[] = [];
    const { run } = build({
      limit: 256,
      effect: 'read',
      send: (routed) => {
        sent.push(routed.principal.id);
        return never();
      },
    });
    void run(call(of('quiet')));
    for (let index = 0; index < 100; index += 1) void run(call(of('flooder')));
    await vi.advanceTimersByTimeAsync(0);
    expect(sent.length).toBeLessThan(30);
    void run(call(of('quiet')));
    await vi.advanceTimersByTimeAsync(0);
    expect(sent.at(-1)).toBe('quiet');
    // The other principal still counts as calling.
    await vi.advanceTimersByTimeAsync(700);
    expect(sent.length).toBeGreaterThan(60);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(sent).toHaveLength(102);
  });

  const of = (id: string): Partial<Call> => ({
    principal: { id, tenantId: 't', name: id, role: 'member', keyId: id },
  });

  /** Fills a principal's window while another calls too. */
  const crowd = async (sendTo = never) => {
    const built = build({ limit: 256, effect: 'read', timeout: 200, send: sendTo });
    void built.run(call(of('quiet')));
    for (let index = 0; index < 30; index += 1) void built.run(call(of('flooder')));
    await vi.advanceTimersByTimeAsync(0);
    return built;
  };

  test('its time runs while it waits in the window', async () => {
    const { run, order } = await crowd();
    const sent = order.filter((what) => what === 'sent').length;
    const late = run(call(of('flooder')));
    await vi.advanceTimersByTimeAsync(201);
    expect(await late).toMatchObject({
      kind: 'timed_out',
      error: { data: { code: 'upstream/timeout', upstream: 's' } },
    });
    expect(order.filter((what) => what === 'sent')).toHaveLength(sent);
  });

  test('what it waited is taken off its time at the server', async () => {
    let waited: number | undefined;
    const { run } = await crowd((routed?: RoutedCall) => {
      waited = routed?.waitedMs;
      return new Promise((resolve) => {
        setTimeout(resolve, 100, result);
      });
    });
    const answered = run(call(of('flooder')));
    await vi.advanceTimersByTimeAsync(250);
    expect(await answered).toMatchObject(result);
    expect(waited).toBeGreaterThanOrEqual(99);
  });

  test('what it waited for its server and in the window is taken off together', async () => {
    const waited: (number | undefined)[] = [];
    const { run } = build({
      limit: 256,
      changeMs: 150,
      effect: 'read',
      send: ({ name, waitedMs }) => {
        if (name === 's__changed') waited.push(waitedMs);
        return new Promise((resolve) => void setTimeout(resolve, 200, result));
      },
    });
    const late = run(call({ ...of('flooder'), name: 's__changed' }));
    await vi.advanceTimersByTimeAsync(100);
    void run(call(of('quiet')));
    for (let index = 0; index < 24; index += 1) void run(call(of('flooder')));
    await vi.advanceTimersByTimeAsync(500);
    expect(await late).toMatchObject(result);
    expect(waited).toEqual([expect.closeTo(300, -1)]);
  });

  test('a place in the window is free as soon as its call has ended', async () => {
    const { run, order } = build({
      limit: 256,
      effect: 'read',
      send: () => new Promise((resolve) => void setTimeout(resolve, 50, result)),
    });
    void run(call(of('quiet')));
    for (let index = 0; index < 40; index += 1) void run(call(of('flooder')));
    await vi.advanceTimersByTimeAsync(60);
    expect(order.filter((what) => what === 'sent')).toHaveLength(41);
  });

  test('the call that waits longest goes first, also when its principal is alone', async () => {
    const sent: string[] = [];
    const { run } = build({
      limit: 256,
      effect: 'read',
      send: ({ id }) => {
        sent.push(id);
        return never();
      },
    });
    void run(call(of('quiet')));
    for (let index = 0; index < 200; index += 1) void run(call(of('flooder')));
    // The others enter at the next check of the window.
    await vi.advanceTimersByTimeAsync(1_010);
    expect(sent.length).toBeLessThan(200);
    void run(call({ ...of('flooder'), id: 'last' }));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sent).toHaveLength(202);
    expect(sent.at(-1)).toBe('last');
  });

  test('a clock that is set back keeps nobody waiting in the window', async () => {
    let count = 0;
    const { run } = build({ limit: 256, effect: 'read', send: () => ((count += 1), never()) });
    void run(call(of('quiet')));
    for (let index = 0; index < 100; index += 1) void run(call(of('flooder')));
    vi.setSystemTime(Date.now() - 3_600_000);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(count).toBe(101);
  });

  test('a call that is cancelled while it waits ends at once', async () => {
    const { run } = await crowd();
    const abort = new AbortController();
    const cancelled = run(call({ ...of('flooder'), signal: abort.signal }));
    await vi.advanceTimersByTimeAsync(10);
    abort.abort();
    expect(await cancelled).toEqual({ kind: 'cancelled', sent: false });
  });

  test('has all its calls under way at once while nobody else calls', async () => {
    let count = 0;
    const { run } = build({ limit: 256, effect: 'read', send: () => ((count += 1), never()) });
    for (let index = 0; index < 256; index += 1) void run();
    await vi.advanceTimersByTimeAsync(0);
    expect(count).toBe(256);
  });
});
