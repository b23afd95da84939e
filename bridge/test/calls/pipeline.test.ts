import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createAdmitStep } from '../../src/calls/admit.ts';
import type { Call, Outcome, RoutedCall, SendableCall, Target } from '../../src/calls/call.ts';
import { toFailure } from '../../src/calls/call.ts';
import { createPipeline } from '../../src/calls/pipeline.ts';
import { type CallEvent, createRecordStep } from '../../src/calls/record.ts';
import { createRouteStep } from '../../src/calls/route.ts';
import { createWriteAheadStep } from '../../src/calls/write-ahead.ts';
import { DrawbridgeError } from '../../src/errors.ts';

const result: Outcome = { kind: 'result', result: { content: [] } };

function call(overrides: Partial<Call> = {}): Call {
  return {
    id: 'call-1',
    method: 'tools/call',
    name: 's__tool',
    params: { name: 's__tool', arguments: { a: 1 } },
    view: { kind: 'all' },
    principal: { id: 'p', tenantId: 't', name: 'member', role: 'member', keyId: 'k' },
    client: { era: 'modern', capabilities: {} },
    runId: 'run-1',
    project: 'default',
    roots: [],
    signal: new AbortController().signal,
    sink: { progress() {}, message() {} },
    ...overrides,
  };
}

/** A log whose commits the test lets happen, and a server that the test answers for. */
function build({
  effect = 'unknown' as Target['effect'],
  send = async (_call: RoutedCall): Promise<Outcome> => result,
  limit = 10,
  timeout = 60_000,
  reaches = true,
  isLogFull = (): boolean => false,
} = {}) {
  const order: string[] = [];
  const events: CallEvent[] = [];
  let failure: unknown;
  const log = {
    async append(_runId: string, event: CallEvent): Promise<number> {
      await Promise.resolve();
      if (failure !== undefined) throw failure;
      events.push(event);
      order.push(`committed ${event.type}`);
      return events.length;
    },
  };
  const pipeline = createPipeline({
    route: createRouteStep(({ name }) =>
      name === 's__none'
        ? { code: -32_602, message: 'Unknown tool.', data: { code: 'catalog/unknown_tool' } }
        : { upstream: 's', name: 'tool', definitionHash: 'hash', effect },
    ),
    record: createRecordStep({ log: { calls: () => log } }),
    admit: createAdmitStep({ concurrentCalls: () => limit, timeout: () => timeout, isLogFull }),
    writeAhead: createWriteAheadStep(),
    send: (routed: SendableCall) => {
      if (reaches) routed.page?.markSent();
      order.push('sent');
      return send(routed);
    },
  });
  const run = async (made: Call = call()): Promise<Outcome> => {
    const outcome = await pipeline(made);
    order.push('answered');
    return outcome;
  };
  return { run, order, events, fail: (error: unknown) => (failure = error) };
}

describe('the order of a call', () => {
  // Holds: log/commit-before-answer
  test('a tool that may write is committed as started before it is sent, and as ended before it is answered', async () => {
    const { run, order } = build();
    await run();
    expect(order).toEqual([
      'committed call.started',
      'sent',
      'committed call.completed',
      'answered',
    ]);
  });

  test('a tool known as read-only is sent at once and written with its end', async () => {
    const { run, order } = build({ effect: 'read' });
    await run();
    expect(order).toEqual([
      'sent',
      'committed call.started',
      'committed call.completed',
      'answered',
    ]);
  });

  test('the events tell what was called, by whom, and how it ended', async () => {
    const { run, events } = build();
    await run(call({ client: { era: 'legacy', name: 'ide/1', capabilities: {} } }));
    expect(events[0]).toEqual({
      type: 'call.started',
      payload: {
        callId: 'call-1',
        method: 'tools/call',
        name: 's__tool',
        arguments: { a: 1 },
        readOnly: false,
        principal: 'p',
        era: 'legacy',
        client: 'ide/1',
        upstream: 's',
        definitionHash: 'hash',
      },
    });
    expect(events[1]).toMatchObject({
      type: 'call.completed',
      payload: { callId: 'call-1', outcome: 'result', result: { text: '{"content":[]}' } },
      durationMs: expect.any(Number),
    });
  });
});

describe('a long read', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('is shown as started while it runs', async () => {
    let answer: (outcome: Outcome) => void = () => undefined;
    const { run, order } = build({
      effect: 'read',
      send: () => new Promise((resolve) => (answer = resolve)),
    });
    const running = run();
    await vi.advanceTimersByTimeAsync(100);
    expect(order).toEqual(['sent', 'committed call.started']);
    answer(result);
    await running;
    expect(order.filter((step) => step === 'committed call.started')).toHaveLength(1);
  });
});

describe('outcomes', () => {
  test.each([
    [
      { kind: 'tool_error', result: { isError: true } },
      'call.completed',
      { outcome: 'tool_error' },
    ],
    [
      { kind: 'protocol_error', error: { code: -32_000, message: 'no' } },
      'call.failed',
      { outcome: 'protocol_error' },
    ],
    [
      { kind: 'timed_out', error: { code: -32_001, message: 'late' } },
      'call.failed',
      { outcome: 'timed_out' },
    ],
    [
      toFailure({ code: -32_603, message: 'gone', data: { code: 'upstream/outcome_unknown' } }),
      'call.failed',
      { outcome: 'unknown' },
    ],
    [{ kind: 'cancelled' }, 'call.cancelled', {}],
    [
      { kind: 'input_required', result: { inputRequests: {} } },
      'call.input_required',
      { requests: { inputRequests: {} } },
    ],
  ] as [Outcome, string, object][])('%o is logged as %s', async (outcome, type, payload) => {
    const { run, events } = build({ send: async () => outcome });
    expect(await run()).toMatchObject(outcome);
    expect(events.at(-1)).toMatchObject({ type, payload });
  });

  test('a name that leads nowhere is an error, is logged, and is not sent', async () => {
    const { run, events, order } = build();
    expect(await run(call({ name: 's__none' }))).toMatchObject({
      kind: 'protocol_error',
      error: { code: -32_602 },
    });
    expect(events.map(({ type }) => type)).toEqual(['call.started', 'call.failed']);
    expect(events[1]).toMatchObject({
      payload: { callId: 'call-1', sent: false, name: 's__none', arguments: { a: 1 } },
    });
    expect(order).not.toContain('sent');
  });

  test('a call that its server never got ends as not sent, and names its tool and arguments', async () => {
    const outcome: Outcome = { kind: 'protocol_error', error: { code: -32_603, message: 'down' } };
    const { run, events } = build({ send: async () => outcome, reaches: false });
    expect(await run()).toEqual({ ...outcome, sent: false });
    expect(events.at(-1)).toMatchObject({
      type: 'call.failed',
      payload: {
        callId: 'call-1',
        outcome: 'protocol_error',
        sent: false,
        method: 'tools/call',
        name: 's__tool',
        arguments: { a: 1 },
        upstream: 's',
      },
    });
  });

  test('a call that its server got says nothing of that', async () => {
    const { run, events } = build({ send: async () => ({ kind: 'cancelled' }) });
    expect(await run()).toEqual({ kind: 'cancelled' });
    expect(events.at(-1)?.payload).toEqual({ callId: 'call-1' });
  });

  test('an issue of the bridge itself ends the call in the log', async () => {
    const { run, events } = build({ send: () => Promise.reject(new Error('an issue')) });
    await expect(run()).rejects.toThrow('an issue');
    expect(events.map(({ type }) => type)).toEqual(['call.started', 'call.failed']);
    expect(JSON.stringify(events[1])).not.toContain('an issue');
  });

  test('a principal with too many calls under way is denied, and that is logged in full', async () => {
    const { run, events } = build({ limit: 0 });
    expect(await run()).toMatchObject({
      kind: 'denied',
      error: { data: { code: 'policy/limit' } },
    });
    expect(events).toMatchObject([
      {
        type: 'call.denied',
        payload: {
          name: 's__tool',
          arguments: { a: 1 },
          reason: expect.stringContaining('under way'),
        },
      },
    ]);
  });

  test('a place under way is free again when its call ends', async () => {
    const { run } = build({ limit: 1 });
    expect(await run()).toMatchObject(result);
    expect(await run()).toMatchObject(result);
  });
});

describe('when the log is away', () => {
  test('a call that may write is not sent', async () => {
    const { run, order, fail } = build();
    fail(new DrawbridgeError('log/unavailable', 'the database is away'));
    expect(await run()).toMatchObject({
      kind: 'protocol_error',
      error: { data: { code: 'log/unavailable' } },
    });
    expect(order).toEqual(['answered']);
  });

  test('a call whose end could not be committed has an unknown outcome', async () => {
    const { run, fail } = build({
      send: async () => {
        fail(new DrawbridgeError('log/unavailable', 'the database is away'));
        return result;
      },
    });
    expect(await run()).toMatchObject({
      kind: 'protocol_error',
      error: {
        message: expect.stringContaining('unknown'),
        data: { code: 'log/outcome_unknown', callId: 'call-1' },
      },
    });
  });
});

describe('progress', () => {
  test('reaches the caller whole and the log at most every 100 ms', async () => {
    const heard: number[] = [];
    const { run, events } = build({
      send: async ({ sink }) => {
        for (let progress = 1; progress <= 50; progress += 1) sink.progress({ progress });
        return result;
      },
    });
    await run(call({ sink: { progress: ({ progress }) => heard.push(progress), message() {} } }));
    expect(heard).toHaveLength(50);
    expect(events.map(({ type }) => type)).toEqual([
      'call.started',
      'call.progress',
      'call.completed',
    ]);
  });

  test('of a read-only call comes after its start in the log', async () => {
    const { run, events } = build({
      effect: 'read',
      send: async ({ sink }) => {
        sink.message({ level: 'info', data: 'half way' });
        return result;
      },
    });
    await run();
    expect(events.map(({ type }) => type)).toEqual([
      'call.started',
      'call.message',
      'call.completed',
    ]);
  });
});

test('a call that the log has no room for is refused before it is sent, and not logged', async () => {
  const { run, order } = build({ effect: 'read', isLogFull: () => true });
  const error = { message: expect.stringContaining('not sent'), data: { code: 'policy/limit' } };
  expect(await run()).toMatchObject({ kind: 'denied', error });
  expect(order).toEqual(['answered']);
});

describe('a flood of one principal', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const never = (): Promise<Outcome> => new Promise(() => undefined);

  test('that is refused is told a few times, then counted, and let out slowly', async () => {
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
