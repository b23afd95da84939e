import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createRotatingFile } from '../../src/telemetry/rotating-file.ts';

function collect() {
  const lines: string[] = [];
  return { lines, stream: { write: (line: string) => void lines.push(line) } };
}

describe('createLogger', () => {
  it('writes one JSON object a line, with level and time in words and ids as fields', async () => {
    const { lines, stream } = collect();
    const logger = await createLogger({ pretty: false, stream });
    logger.child({ requestId: 'r1' }).info({ callId: 'c1' }, 'called');
    logger.debug('not at this level');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      requestId: 'r1',
      callId: 'c1',
      msg: 'called',
    });
  });

  it.each([
    { headers: { authorization: 'Bearer hunter2', accept: 'x' } },
    { req: { headers: { authorization: 'Bearer hunter2', cookie: 'hunter2' } } },
    { upstream: { headers: { 'x-api-key': 'hunter2', 'set-cookie': 'hunter2' } } },
  ])('never writes a credential of %j', async (fields) => {
    const { lines, stream } = collect();
    (await createLogger({ pretty: false, stream })).info(fields, 'x');
    expect(lines[0]).toContain('[redacted]');
    expect(lines[0]).not.toContain('hunter2');
  });

  it.each([false, true])(
    'replaces known secrets anywhere in a line (pretty: %s)',
    async (pretty) => {
      const { lines, stream } = collect();
      let secrets = ['first-secret'];
      const logger = await createLogger({ pretty, stream, secretValues: () => secrets });
      logger.warn({ stderr: 'using first-secret' }, 'first-secret');
      secrets = ['with"quote'];
      logger.warn({ error: new Error('bad with"quote') }, 'later');
      const all = lines.join('');
      expect(all).toContain('[redacted]');
      expect(all).not.toContain('first-secret');
      expect(all).not.toMatch(/with\\?"quote/);
    },
  );

  it('is readable where a person watches', async () => {
    const { lines, stream } = collect();
    (await createLogger({ pretty: true, stream })).info({ server: 'git' }, 'started');
    expect(lines.join('')).toMatch(/^\[\d\d:\d\d:\d\d\] INFO: started\n\s+server: "git"/);
  });
});

describe('a log that is flooded', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('takes some lines of each kind a second, counts the others, and takes other kinds still', async () => {
    const { lines, stream } = collect();
    const logger = await createLogger({ pretty: false, stream, level: 'debug' });
    for (let count = 0; count < 10_000; count += 1) {
      logger.child({ upstream: 'loud' }).warn({ count }, `upstream "u${count}" said ${count}`);
    }
    logger.info('something else');
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toContain('something else');
    vi.advanceTimersByTime(1_000);
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      msg: 'lines were left out of this log',
      leftOut: { '40: upstream "…" said #': 9_980 },
    });
    logger.warn('upstream "u1" said 1');
    expect(lines).toHaveLength(23);
    for (let count = 0; count < 100; count += 1) logger.debug('asked for');
    expect(lines).toHaveLength(123);
  });

  it('is bounded where every line is of a kind of its own, and where a line is huge', async () => {
    const { lines, stream } = collect();
    const logger = await createLogger({ pretty: false, stream });
    for (let count = 0; count < 10_000; count += 1) {
      logger.warn(
        `kind ${'abcdefghij'
          .split('')
          .map((_, at) => ((count >> at) & 1 ? 'x' : 'y'))
          .join('')} ${Math.random().toString(36).replaceAll(/[0-9]/g, 'q')}`,
      );
    }
    expect(lines.length).toBeLessThanOrEqual(200);
    vi.advanceTimersByTime(1_000);
    expect((lines.at(-1) ?? '').length).toBeLessThan(10_000);
    logger.warn({ text: 'x'.repeat(1_000_000) }, 'huge');
    expect((lines.at(-1) ?? '').length).toBeLessThan(70_000);
    expect(lines.at(-1)).toMatch(/\n$/);
  });
});

describe('a log file', () => {
  it('never grows beyond its limit, and one more file that is older', () => {
    const folder = mkdtempSync(join(tmpdir(), 'drawbridge-log-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'logs', 'bridge.log');
    const line = `${'x'.repeat(99)}\n`;
    for (let start = 0; start < 3; start += 1) {
      const file = createRotatingFile(path, 1_000);
      for (let count = 0; count < 50; count += 1) file.write(line);
      file.write('y'.repeat(5_000));
    }
    expect(readdirSync(join(folder, 'logs')).sort()).toEqual(['bridge.log', 'bridge.log.1']);
    expect(statSync(path).size).toBeLessThanOrEqual(1_000);
    expect(statSync(`${path}.1`).size).toBeLessThanOrEqual(1_000);
    expect(readFileSync(path, 'utf8')).toMatch(/^y+$/);
  });
});
