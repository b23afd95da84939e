// Servers that hang, crash, flood or lie: their callers get a clear error in time, others don't notice.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  createHarness,
  errorOf,
  isProcessAlive,
  stdio,
  textOf,
  toolCall,
  until,
} from './harness.ts';

const LEGACY = 'legacy-server.mjs';
const timeouts = { probeMs: 500, checkMs: 500, stopMs: 300 };

/** A misbehaving upstream beside a good one that answers all the while. */
async function createPair(options: Parameters<typeof stdio>[2] = {}, file = LEGACY) {
  const harness = createHarness({ timeouts });
  await harness.upstreams.configure([stdio('bad', file, options), stdio('good', LEGACY)]);
  await harness.upstreams.send(toolCall('good', 'echo', { text: 'warm' }));
  const expectGoodAnswers = async () => {
    const before = performance.now();
    expect(textOf(await harness.upstreams.send(toolCall('good', 'echo', { text: 'hi' })))).toBe(
      'hi',
    );
    expect(performance.now() - before).toBeLessThan(3_000);
  };
  return { ...harness, expectGoodAnswers };
}

describe('a server that crashes', () => {
  it('at its start: names the upstream, the exit code and the last output, and when it is tried again', async () => {
    const { upstreams, expectGoodAnswers } = await createPair({ args: ['--crash-at-start'] });
    const sent = upstreams.send(toolCall('bad', 'echo'));
    await expectGoodAnswers();
    const { message, data } = errorOf(await sent);
    expect(message).toContain('upstream "bad" could not be started: it stopped (exit code 3)');
    expect(message).toContain('it last wrote: fatal: no database');
    expect(data).toMatchObject({ code: 'upstream/start_failed', upstream: 'bad' });
    expect(data['stderr']).toContain('fatal: no database');
    expect(Date.parse(String(data['retryAt']))).toBeGreaterThan(0);
    expect(upstreams.logs('bad')).toContain('fatal: no database');
  });

  it('again and again at its start: the breaker opens, calls fail at once, and a later start may close it', async () => {
    const folder = createHarness().home;
    const record = join(folder, 'starts');
    const { upstreams, expectGoodAnswers } = await createPair({
      args: ['--crash-at-start', `--record=${record}`],
    });
    for (let n = 0; n < 3; n += 1) await upstreams.send(toolCall('bad', 'echo'));
    const starts = readFileSync(record, 'utf8');
    const { message, data } = errorOf(await upstreams.send(toolCall('bad', 'echo')));
    expect(readFileSync(record, 'utf8')).toBe(starts);
    expect(message).toMatch(/^upstream "bad" is down: .*exit code 3.*it is tried again after/);
    expect(data['code']).toBe('upstream/unavailable');
    const status = upstreams.status().find(({ name }) => name === 'bad');
    expect(status).toMatchObject({ state: 'broken', retryAt: expect.any(String), pids: [] });
    await expectGoodAnswers();

    await upstreams.configure([stdio('bad', LEGACY), stdio('good', LEGACY)]);
    expect(textOf(await upstreams.send(toolCall('bad', 'echo', { text: 'fixed' })))).toBe('fixed');
    expect(upstreams.status()[0]?.state).toBe('ready');
  });

  it('again and again: is tried again after its back-off, although the clock was set back', async () => {
    let wall = Date.now();
    const { upstreams, home } = createHarness({ timeouts, clock: () => wall });
    const record = join(home, 'starts');
    const args = ['--crash-at-start', `--record=${record}`];
    await upstreams.configure([stdio('bad', LEGACY, { args })]);
    for (let n = 0; n < 3; n += 1) await upstreams.send(toolCall('bad', 'echo'));
    const starts = readFileSync(record, 'utf8');
    wall -= 3_600_000;
    await expect
      .poll(
        async () => {
          await upstreams.send(toolCall('bad', 'echo'));
          return readFileSync(record, 'utf8');
        },
        { timeout: 10_000 },
      )
      .not.toBe(starts);
  });

  // Holds: upstreams/not-repeated
  it('in a call that may have done something: says that the outcome is unknown and does not repeat it', async () => {
    const { upstreams, home, expectGoodAnswers } = await createPair();
    const file = join(home, 'crashes');
    const sent = upstreams.send(toolCall('bad', 'crash', { file }, { effect: 'write' }));
    await expectGoodAnswers();
    const { message, data } = errorOf(await sent);
    expect(message).toMatch(/upstream "bad" was lost during the call: exit code 7.*unknown/);
    expect(data).toMatchObject({ code: 'upstream/outcome_unknown', upstream: 'bad' });
    expect(readFileSync(file, 'utf8')).toBe('crash\n');
    expect(textOf(await upstreams.send(toolCall('bad', 'echo', { text: 'back' })))).toBe('back');
    expect(upstreams.status()[0]).toMatchObject({ state: 'ready', restarts: 1 });
  });

  it.each(['read', 'idempotent'] as const)(
    'in a call that is %s: repeats it once',
    async (effect) => {
      const { upstreams, home } = await createPair();
      const file = join(home, 'once');
      const outcome = await upstreams.send(toolCall('bad', 'crash_once', { file }, { effect }));
      expect(textOf(outcome)).toBe('survived');
      const twice = await upstreams.send(
        toolCall('bad', 'crash', { file: join(home, 'twice') }, { effect }),
      );
      expect(errorOf(twice).data['code']).toBe('upstream/crashed');
      expect(readFileSync(join(home, 'twice'), 'utf8')).toBe('crash\ncrash\n');
    },
  );

  it('does not exist: says which command was looked for', async () => {
    const { upstreams } = createHarness({ timeouts });
    await upstreams.configure([stdio('bad', '', { command: 'no-such-command-here', args: [] })]);
    const { message } = errorOf(await upstreams.send(toolCall('bad', 'echo')));
    expect(message).toContain('its command "no-such-command-here" was not found');
  });
});

describe('a server that hangs', () => {
  it('in a call: the call times out, the process is replaced, other calls on it are told', async () => {
    const { upstreams, expectGoodAnswers } = await createPair({
      args: ['--ignore-sigterm'],
      options: { timeout: 500 },
    });
    await upstreams.send(toolCall('bad', 'echo'));
    const [pid = 0] = upstreams.status()[0]?.pids ?? [];
    const other = upstreams.send(toolCall('bad', 'slow', { ms: 60_000 }));
    const hung = await upstreams.send(toolCall('bad', 'hang'));
    expect(hung.kind).toBe('timed_out');
    expect((await other).kind).toBe('timed_out');
    expect(upstreams.status()[0]?.state).toBe('degraded');
    await expectGoodAnswers();
    await until(() => !upstreams.status()[0]?.pids.includes(pid));
    // Its successor waits until it is gone, because it may still hold what the next one needs.
    expect(textOf(await upstreams.send(toolCall('bad', 'echo', { text: 'new' })))).toBe('new');
    expect(isProcessAlive(pid)).toBe(false);
    expect(upstreams.status()[0]?.lastError).toContain('did not answer a health check');
  });

  it('does not read its input: calls are refused before they fill the memory', async () => {
    const { upstreams } = createHarness({ timeouts });
    const options = { maxMessageBytes: 1024 * 1024, timeout: 1_500 };
    await upstreams.configure([stdio('bad', LEGACY, { options })]);
    await upstreams.send(toolCall('bad', 'echo'));
    const hung = upstreams.send(toolCall('bad', 'hang'));
    const text = 'x'.repeat(400_000);
    const sent = Array.from({ length: 10 }, () =>
      upstreams.send(toolCall('bad', 'echo', { text })),
    );
    const codes = (await Promise.all(sent)).map((outcome) => errorOf(outcome).data['code']);
    expect(codes.filter((code) => code === 'upstream/busy').length).toBeGreaterThan(5);
    expect((await hung).kind).toBe('timed_out');
  });

  it('at its start: the start times out and nothing is left', async () => {
    const { upstreams, home } = createHarness({ timeouts });
    const record = join(home, 'pid');
    const args = ['--never-answer', `--record=${record}`];
    await upstreams.configure([stdio('bad', LEGACY, { args, options: { startTimeout: 800 } })]);
    const { message, data } = errorOf(await upstreams.send(toolCall('bad', 'echo')));
    expect(message).toContain(
      'upstream "bad" could not be started: it did not answer within 0.8 s',
    );
    expect(data['code']).toBe('upstream/start_failed');
    for (const pid of readFileSync(record, 'utf8').trim().split('\n')) {
      expect(isProcessAlive(Number(pid))).toBe(false);
    }
  });
});

describe('a server that talks too much', () => {
  it('floods stderr: its call is answered, the end is kept, memory is not', async () => {
    const { upstreams, expectGoodAnswers } = await createPair();
    await upstreams.send(toolCall('bad', 'echo'));
    const before = process.memoryUsage().rss;
    const sent = upstreams.send(toolCall('bad', 'flood_stderr', { megabytes: 100 }));
    await expectGoodAnswers();
    expect(textOf(await sent)).toBe('flooded');
    await until(() => upstreams.logs('bad').at(-1) === 'the end of the flood');
    expect(upstreams.logs('bad').length).toBeLessThanOrEqual(500);
    expect(process.memoryUsage().rss - before).toBeLessThan(60 * 1024 * 1024);
  });

  // Holds: legacy/stdio-only-messages
  it('writes malformed lines to stdout: it is ignored and logged once', async () => {
    const { upstreams, logs } = await createPair();
    const outcome = await upstreams.send(toolCall('bad', 'malformed', { text: 'clean' }));
    expect(textOf(outcome)).toBe('clean');
    const warnings = logs.filter(({ msg }) => String(msg).includes('not a JSON-RPC message'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ upstream: 'bad', sample: 'Hello, I am a friendly banner' });
  });

  it('answers with what is no result: that call fails at once', async () => {
    const { upstreams } = await createPair();
    const { message, data } = errorOf(await upstreams.send(toolCall('bad', 'bad_answer')));
    expect(message).toContain('upstream "bad" broke the protocol');
    expect(data).toEqual({ code: 'upstream/protocol', upstream: 'bad' });
    expect(textOf(await upstreams.send(toolCall('bad', 'echo', { text: 'still' })))).toBe('still');
  });

  it.each([
    ['with its id at the end', 'big', {}],
    ['with its id first', 'raw_big', { id: 'first' }],
    ['with its id out of reach', 'raw_big', { id: 'middle' }],
  ])('answers with 50 MB %s: that call fails, the connection stays', async (_, tool, args) => {
    const { upstreams, expectGoodAnswers } = await createPair();
    await upstreams.send(toolCall('bad', 'echo'));
    const [pid] = upstreams.status()[0]?.pids ?? [];
    const sent = upstreams.send(toolCall('bad', tool, { ...args, bytes: 50 * 1024 * 1024 }));
    await expectGoodAnswers();
    const { message, data } = errorOf(await sent);
    expect(message).toContain('upstream "bad" answered with more than 33554432 bytes');
    expect(data).toMatchObject({ code: 'upstream/too_large', upstream: 'bad' });
    expect(textOf(await upstreams.send(toolCall('bad', 'echo', { text: 'still' })))).toBe('still');
    expect(upstreams.status()[0]?.pids).toEqual([pid]);
  });

  it('answers with 50 MB while another call is under way: the other is answered', async () => {
    const { upstreams } = await createPair();
    const slow = upstreams.send(toolCall('bad', 'slow', { ms: 700 }));
    const big = await upstreams.send(toolCall('bad', 'big', { bytes: 50 * 1024 * 1024 }));
    expect(errorOf(big).data['code']).toBe('upstream/too_large');
    expect(textOf(await slow)).toBe('done');
  });
});

describe('a server that the era probe upsets', () => {
  // Holds: modern/era-probe
  it('exits at the probe: is started again as legacy, once, and remembered', async () => {
    const { upstreams, eras, home } = createHarness({ timeouts });
    const record = join(home, 'starts');
    const config = stdio('odd', LEGACY, { args: ['--exit-on-probe', `--record=${record}`] });
    await upstreams.configure([config]);
    expect(textOf(await upstreams.send(toolCall('odd', 'echo', { text: 'hi' })))).toBe('hi');
    expect(eras.get(config.fingerprint)).toMatchObject({ era: 'legacy', at: expect.any(String) });
    expect(readFileSync(record, 'utf8').trim().split('\n')).toHaveLength(2);
    await upstreams.restart('odd');
    expect(readFileSync(record, 'utf8').trim().split('\n')).toHaveLength(3);
  });

  it('never answers the probe: is legacy after a while, and at once the next time', async () => {
    const { upstreams, eras, home } = createHarness({ timeouts });
    const probes = join(home, 'probes');
    const config = stdio('odd', LEGACY, { args: ['--silent-on-probe', `--probes=${probes}`] });
    await upstreams.configure([config]);
    expect(textOf(await upstreams.send(toolCall('odd', 'echo', { text: 'hi' })))).toBe('hi');
    expect(eras.get(config.fingerprint)).toMatchObject({ era: 'legacy' });
    await upstreams.restart('odd');
    expect(readFileSync(probes, 'utf8')).toBe('probe\n');
  });

  it('is modern but slow to start: is not taken for legacy', async () => {
    const { upstreams, eras } = createHarness({ timeouts });
    const args = ['--slow-start=900'];
    const config = stdio('slow', 'modern-server.mjs', { args });
    await upstreams.configure([config]);
    expect(textOf(await upstreams.send(toolCall('slow', 'echo', { text: 'hi' })))).toBe('hi');
    expect(eras.get(config.fingerprint)).toMatchObject({ era: 'modern' });
    expect(upstreams.status()[0]?.era).toBe('modern');
  });

  it('was remembered as legacy and speaks only the modern era now: is found out', async () => {
    const { upstreams, eras } = createHarness({ timeouts });
    const config = stdio('new', 'modern-server.mjs');
    void eras.set(config.fingerprint, { era: 'legacy', at: new Date().toISOString() });
    await upstreams.configure([config]);
    expect(textOf(await upstreams.send(toolCall('new', 'echo', { text: 'hi' })))).toBe('hi');
    expect(eras.get(config.fingerprint)).toMatchObject({ era: 'modern' });
  });
});

it('gives a start to concurrent callers once', async () => {
  const { upstreams, home } = createHarness({ timeouts });
  const record = join(home, 'starts');
  const args = ['--slow-start=200', `--record=${record}`];
  await upstreams.configure([stdio('one', LEGACY, { args })]);
  const controller = new AbortController();
  const gone = upstreams.send(toolCall('one', 'echo', {}, { signal: controller.signal }));
  const sent = Array.from({ length: 20 }, () => upstreams.send(toolCall('one', 'echo')));
  await until(() => existsSync(record));
  controller.abort();
  expect(await gone).toEqual({ kind: 'cancelled' });
  await Promise.all(sent);
  expect(readFileSync(record, 'utf8').trim().split('\n')).toHaveLength(1);
});
