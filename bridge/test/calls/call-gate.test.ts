import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Call, Outcome, Target } from '../../src/calls/call.ts';
import { createCallGate, toStopReason } from '../../src/calls/call-gate.ts';

function at(signal = new AbortController().signal): Call {
  return {
    id: 'call',
    method: 'tools/call',
    name: 'tool',
    params: {},
    view: { kind: 'all' },
    principal: { id: 'p', tenantId: 't', name: 'p', role: 'member', keyId: 'k' },
    client: { era: 'modern', capabilities: {} },
    runId: 'run',
    project: 'default',
    roots: [],
    signal,
    sink: { progress() {}, message() {} },
  };
}
function build(next: (call: Call) => Promise<Outcome>, effect: Target['effect'] = 'write') {
  return createCallGate({ next, find: () => ({ upstream: 'u', name: 'tool', effect }) });
}
function untilAborted(sent?: false) {
  return ({ signal }: Call): Promise<Outcome> =>
    new Promise((resolve) => {
      const outcome = { kind: 'cancelled' as const, ...(sent === false && { sent }) };
      signal.addEventListener('abort', () => resolve(outcome));
    });
}
const soon = { graceMs: 10, lastMs: 10 };

test.each([
  [
    'that was sent is told that its outcome is unknown',
    undefined,
    'write',
    'bridge/outcome_unknown',
  ],
  ['that was never sent may be sent again', false, 'write', 'bridge/stopping'],
  ['that changes nothing may be sent again', undefined, 'read', 'bridge/stopping'],
] as const)('a call %s', async (_, sent, effect, code) => {
  const ending = new AbortController();
  const gate = build(untilAborted(sent), effect);
  const call = gate.call(at(ending.signal));
  await gate.close({ ...soon, abort: () => ending.abort(toStopReason()) });
  expect(await call).toMatchObject({ kind: 'protocol_error', error: { data: { code } } });
});

test('a call that hangs is answered all the same, and one that comes later is refused', async () => {
  const gate = build(() => new Promise(() => undefined));
  const call = gate.call(at());
  await gate.close({ ...soon, abort: () => undefined });
  expect(await call).toMatchObject({ error: { data: { code: 'bridge/outcome_unknown' } } });
  expect(await gate.call(at())).toMatchObject({ error: { data: { code: 'bridge/stopping' } } });
});

test('a call that its caller cancels ends as cancelled', async () => {
  const leaving = new AbortController();
  const gate = build(untilAborted());
  const call = gate.call(at(leaving.signal));
  leaving.abort();
  expect(await call).toEqual({ kind: 'cancelled' });
});

test("a server's error does not carry the gate's codes", async () => {
  const error = { code: -32_603, message: 'again', data: { code: 'bridge/stopping' } };
  const gate = build(() => Promise.resolve({ kind: 'protocol_error', error }));
  const { data: _, ...bare } = error;
  expect(await gate.call(at())).toEqual({ kind: 'protocol_error', error: bare });
});

describe('a bridge that stops', () => {
  afterEach(() => void vi.useRealTimers());

  /** Closes the gate with minutes to spare; tells whether it is closed already. */
  const close = (gate: ReturnType<typeof build>) => {
    vi.useFakeTimers();
    const abort = vi.fn<() => void>();
    let isClosed = false;
    const closing = gate.close({ graceMs: 60_000, lastMs: 60_000, abort });
    void closing.then(() => (isClosed = true));
    const isOver = async (): Promise<boolean> => {
      await vi.advanceTimersByTimeAsync(0);
      return isClosed;
    };
    return { abort, isOver };
  };

  test('lets the calls under way end, and goes on at once when they have', async () => {
    let answer: (outcome: Outcome) => void = () => undefined;
    const gate = build(() => new Promise((resolve) => (answer = resolve)));
    const call = gate.call(at());
    const { abort, isOver } = close(gate);
    expect(await isOver()).toBe(false);
    expect(abort).not.toHaveBeenCalled();
    answer({ kind: 'result', result: { content: [] } });
    expect(await call).toEqual({ kind: 'result', result: { content: [] } });
    expect(await isOver()).toBe(true);
  });

  test('does not wait for a call that failed', async () => {
    const gate = build(() => Promise.reject(new Error('an issue')));
    await expect(gate.call(at())).rejects.toThrow('an issue');
    expect(await close(gate).isOver()).toBe(true);
  });
});
