import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Outcome, toFailure } from '../../src/calls/call.ts';
import { LargeJson } from '../../src/calls/large-json/large-json.ts';
import { DrawbridgeError } from '../../src/errors.ts';
import { PreparedBody } from '../../src/runs/event-text.ts';
import { build, call, result } from './pipeline-fixture.ts';

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

  test('large arguments take no room any more when their call has ended', async () => {
    const { run } = build({ effect: 'read' });
    const artifact = { sha256: Buffer.alloc(32), mediaType: '', body: Buffer.from('{}') };
    const logged = new PreparedBody({ size: 2, artifact, preview: '' });
    // Two of them at once would be too much.
    const given = new LargeJson(Buffer.alloc(20 * 1024 * 1024), Buffer.alloc(32), logged);
    const large = call({ params: { name: 's__tool', arguments: given } });
    expect(await run(large)).toMatchObject(result);
    expect(await run(large)).toMatchObject(result);
  });

  test('a call whose caller has left already is not sent', async () => {
    const { run, order } = build({ effect: 'read' });
    expect(await run(call({ signal: AbortSignal.abort() }))).toEqual({
      kind: 'cancelled',
      sent: false,
    });
    expect(order).not.toContain('sent');
  });

  test("a server's error reaches neither its caller nor the log with a known secret", async () => {
    const error = { code: -32_000, message: 'no hunter2-hunter2', data: ['hunter2-hunter2'] };
    const { run, events } = build({
      secret: 'hunter2-hunter2',
      send: async () => ({ kind: 'protocol_error', error }),
    });
    const outcome = await run();
    expect(outcome).toMatchObject({ error: { message: 'no [redacted]', data: ['[redacted]'] } });
    expect(JSON.stringify(events)).not.toContain('hunter2');
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

describe('an event of a call that the log does not take', () => {
  test.each(['call.started', 'call.message'])(
    'makes its outcome unknown, though its end is written (%s)',
    async (refused) => {
      const { run, events } = build({
        effect: 'read',
        refused,
        send: async ({ sink }) => {
          sink.message({ level: 'info', data: 'half way' });
          return result;
        },
      });
      expect(await run()).toMatchObject({ error: { data: { code: 'log/outcome_unknown' } } });
      expect(events.at(-1)).toMatchObject({ type: 'call.completed' });
    },
  );

  test('makes it unknown too when it is a start that nothing followed before the end', async () => {
    const { run } = build({ effect: 'read', refused: 'call.started' });
    expect(await run()).toMatchObject({ error: { data: { code: 'log/outcome_unknown' } } });
  });
});

test('a call that the log has no room for is refused before it is sent, and not logged', async () => {
  const { run, order } = build({ effect: 'read', isLogFull: () => true });
  const error = { message: expect.stringContaining('not sent'), data: { code: 'policy/limit' } };
  expect(await run()).toMatchObject({ kind: 'denied', error });
  expect(order).toEqual(['answered']);
});
