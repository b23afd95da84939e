// A server that failed and works again: who may try it, when it counts as well, and that its processes never
// meet.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/calls/call.ts';
import {
  createHarness,
  errorOf,
  isProcessAlive,
  servers,
  stdio,
  textOf,
  toolCall,
  until,
} from './harness.ts';

const POLL = { timeout: 15_000, interval: 20 };

/** A server that does not start as long as a file is there. */
async function createBroken({ startMs = 0, instance = 'session' as 'session' | 'shared' } = {}) {
  const { upstreams, home } = createHarness({ random: () => 0 });
  const [fault, starts] = [join(home, 'fault'), join(home, 'starts')];
  writeFileSync(fault, '');
  writeFileSync(starts, '');
  const server = `'${process.execPath}' '${join(servers, 'legacy-server.mjs')}'`;
  const script = `echo >> '${starts}'; test -e '${fault}' && exit 3; exec ${server} --slow-start=${startMs}`;
  await upstreams.configure([
    stdio('one', '', { command: 'sh', args: ['-c', script], options: { instance } }),
  ]);
  const send = (sessionId: string, tool = 'echo', args: object = { text: 'hi' }) =>
    upstreams.send(toolCall('one', tool, { ...args }, { sessionId }));
  const state = () => upstreams.status()[0]?.state;
  for (let n = 0; n < 3; n += 1) await send('first');
  return {
    upstreams,
    send,
    state,
    countStarts: () => readFileSync(starts, 'utf8').length,
    repair: () => rmSync(fault),
    /** Until the breaker's time is over. */
    untilDue: () => until(() => upstreams.status()[0]?.retryAt === undefined),
  };
}

function isDown(outcome: Outcome): boolean {
  return / is down: /.test(errorOf(outcome).message);
}

describe('a server that failed three times in a row', () => {
  it('is started by nobody until its time has come, and then by one caller alone', async () => {
    const { send, state, countStarts, repair, untilDue } = await createBroken({ startMs: 500 });
    expect(state()).toBe('broken');
    const starts = countStarts();
    expect(isDown(await send('early'))).toBe(true);
    expect(countStarts()).toBe(starts);
    repair();
    await untilDue();
    const [trial, beside] = await Promise.all([send('a'), send('b')]);
    expect(textOf(trial)).toBe('hi');
    expect(isDown(beside)).toBe(true);
  });

  it('is there for others once the trial has started, whatever its call takes', async () => {
    const { send, state, repair, untilDue, upstreams } = await createBroken();
    repair();
    await untilDue();
    const trial = send('a', 'slow', { ms: 60_000 });
    await until(() => state() === 'ready');
    expect(textOf(await send('b'))).toBe('hi');
    await upstreams.close();
    await trial;
  });

  it('begins to count anew with its first answer', async () => {
    const { send, state, repair, untilDue } = await createBroken({ instance: 'shared' });
    repair();
    await untilDue();
    expect(textOf(await send('a'))).toBe('hi');
    expect(errorOf(await send('a', 'crash')).data['code']).toBe('upstream/outcome_unknown');
    // Not broken: that is its first failure.
    await expect.poll(state, POLL).toBe('degraded');
    expect(textOf(await send('a'))).toBe('hi');
  });
});

it('starts its next process for the same callers when the last one is gone', async () => {
  const { upstreams } = createHarness({ timeouts: { stopMs: 1_000 } });
  const args = ['--ignore-sigterm'];
  await upstreams.configure([stdio('one', 'legacy-server.mjs', { args, options: { idle: 50 } })]);
  const whoami = async () =>
    Number(JSON.parse(textOf(await upstreams.send(toolCall('one', 'whoami')))).pid);
  const before = await whoami();
  await expect.poll(() => upstreams.status()[0]?.pids, POLL).toEqual([]);
  expect(isProcessAlive(before)).toBe(true);
  expect(await whoami()).not.toBe(before);
  expect(isProcessAlive(before)).toBe(false);
});
