// Principals take turns at a server. The order in which calls end tells whose turn it was.
import { expect, it } from 'vitest';
import type { Outcome } from '../../src/calls/call.ts';
import { createHarness, errorOf, stdio, toolCall } from './harness.ts';

function principal(id: string) {
  return {
    id,
    tenantId: 'tenant-1',
    name: id,
    role: 'member' as const,
    keyId: id,
  };
}

it('lets another principal in before the backlog of one, and everybody in the end', async () => {
  const { upstreams } = createHarness();
  await upstreams.configure([
    stdio('one', 'legacy-server.mjs', { options: { concurrentCalls: 2 } }),
  ]);
  const ended: string[] = [];
  const send = async (id: string, label: string): Promise<Outcome> => {
    const call = toolCall('one', 'slow', { ms: 30 }, { principal: principal(id) });
    const outcome = await upstreams.send(call);
    ended.push(label);
    return outcome;
  };
  await send('flooder', 'start');
  const flood = Array.from({ length: 30 }, (_, index) => send('flooder', `f${index}`));
  const quiet = send('quiet', 'quiet');
  const outcomes = await Promise.all([...flood, quiet]);
  expect(outcomes.every(({ kind }) => kind === 'result')).toBe(true);
  expect(ended.indexOf('quiet')).toBeLessThan(6);
});

it('a call that waits for its turn can be cancelled, and its time runs', async () => {
  const { upstreams } = createHarness();
  const options = { concurrentCalls: 1, timeout: 1_000 };
  await upstreams.configure([stdio('one', 'legacy-server.mjs', { options })]);
  const abort = new AbortController();
  // Its progress renews its own time, so that it outlasts the one that waits.
  const long = upstreams.send(toolCall('one', 'progress', { steps: 6, ms: 400 }));
  const cancelled = upstreams.send(toolCall('one', 'echo', {}, { signal: abort.signal }));
  const late = upstreams.send(toolCall('one', 'echo', {}));
  abort.abort();
  expect(await cancelled).toEqual({ kind: 'cancelled' });
  const { message, data } = errorOf(await late);
  expect(data).toMatchObject({ code: 'upstream/timeout' });
  expect(message).toContain('not sent');
  expect(await long).toMatchObject({ kind: 'result' });
  expect(await upstreams.send(toolCall('one', 'echo', { text: 'again' }))).toMatchObject({
    kind: 'result',
  });
});

it('calls that wait at a server that dies are repeated on the next process, as they were not sent', async () => {
  const { upstreams } = createHarness();
  await upstreams.configure([
    stdio('one', 'legacy-server.mjs', { options: { concurrentCalls: 1 } }),
  ]);
  const crash = upstreams.send(toolCall('one', 'crash', {}));
  const waiting = upstreams.send(toolCall('one', 'echo', { text: 'still here' }));
  expect(await crash).toMatchObject({ kind: 'protocol_error' });
  expect(await waiting).toMatchObject({ kind: 'result' });
});
