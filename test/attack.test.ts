// The attack's own parts, and a short form of `npm run attack`. What it finds in a minute is no matter
// of a test; that it attacks, measures and leaves nothing behind is.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { attacks } from '../scripts/attack/attacks/all-attacks.ts';
import type { Attack } from '../scripts/attack/attacks/attack.ts';
import { toLoopDelayMs } from '../scripts/attack/gauge.ts';
import { type Sample, toLatencies } from '../scripts/attack/latencies.ts';
import { type Figures, toMissed } from '../scripts/attack/levels.ts';
import { parseOptions } from '../scripts/attack/options.ts';
import { runAttack } from '../scripts/attack/run-attack.ts';
import { toSummary } from '../scripts/attack/summary.ts';
import { projectRoot } from '../scripts/bridge-process.ts';
import { descendants, survivors } from '../scripts/process-table.ts';

describe('latencies of the quiet caller', () => {
  test('are those of its calls while all are short', () => {
    const latencies = toLatencies([5, 7, 6, 8].map(toSample));
    expect(latencies).toMatchObject({ calls: 4, failures: 0, max: 8 });
    expect(latencies.p99).toBe(8);
  });

  test('count the calls that were not made while one hung', () => {
    const samples = [...Array.from({ length: 500 }, () => 5), 5_000];
    const { p99, p99OfMade } = toLatencies(samples.map(toSample));
    expect(p99OfMade).toBe(5);
    expect(p99).toBeGreaterThan(4_000);
  });

  test('take a failed call as a long one', () => {
    const samples = [toSample(5), { ms: 3, isFailure: true }];
    expect(toLatencies(samples)).toMatchObject({ failures: 1, p99: 10_000, max: 10_000 });
  });
});

describe('levels', () => {
  test('are held by an attack that cost little', () => {
    expect(toMissed(toFigures({}))).toEqual([]);
  });

  test.each([
    [{ quiet: toLatencies([toSample(300)]) }, /p99 was 300 ms; the level is 250 ms/],
    [{ quiet: toLatencies([]) }, /made no call/],
    [
      { quiet: toLatencies([toSample(5), { ms: 3, isFailure: true }]) },
      /1 of the quiet caller's 2 calls failed/,
    ],
    [
      { memory: { beforeBytes: 0, peakBytes: 600e6, afterBytes: 0 } },
      /memory reached 600 MB; the level is 500 MB/,
    ],
    [
      { disk: { grownBytes: 1.1e9, logBytes: 0 } },
      /grew by 1100 MB, 110000.0 kB for each of 10 answered requests; the level is 100 MB/,
    ],
    [{ issues: ['the bridge ended by itself'] }, /^the bridge ended by itself$/],
  ])('name what was missed: %j', (figures, words) => {
    const missed = toMissed(toFigures(figures));
    expect(missed.some((why) => words.test(why))).toBe(true);
    expect(toSummary([toFigures(figures)])).toMatch(/MISSED[\s\S]*- some-attack: /);
  });
});

test('the loop delay is the greatest that the metrics tell', () => {
  const metrics = [
    '# TYPE nodejs_eventloop_lag_seconds gauge',
    'nodejs_eventloop_lag_seconds{quantile="0.5"} 0.001',
    'nodejs_eventloop_lag_seconds{quantile="1"} 0.25',
  ];
  expect(toLoopDelayMs(metrics.join('\n'))).toBe(250);
  expect(toLoopDelayMs('other 1')).toBeUndefined();
});

describe('options', () => {
  const known = ['first', 'second', 'third'];

  test('without any, every attack runs for a minute', () => {
    expect(parseOptions([], known)).toMatchObject({ seconds: 60, names: known });
  });

  test('some attacks can be chosen, and run in their usual order', () => {
    const args = ['--only', 'third', '--only', 'first', '--seconds', '5'];
    expect(parseOptions(args, known)).toMatchObject({ seconds: 5, names: ['first', 'third'] });
  });

  test.each([
    [['--only', 'fourth'], /no attack fourth; there are first, second, third/],
    [['--seconds', 'long'], /--seconds takes a number/],
    [['--seconds', '0'], /--seconds takes a number/],
    [['--sekunden', '5'], /--sekunden/],
  ])('%j are refused with what is allowed', (args, words) => {
    expect(() => parseOptions(args, known)).toThrow(words);
  });
});

test('attacks have names of their own', () => {
  const names = attacks.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

test.each(['random-paths', 'cancelled-calls'])(
  '%s runs against a bridge that lives, and its cost is measured',
  async (name) => {
    const figures = await runAttack(findAttack(name), {
      seconds: 2,
      keeps: false,
      signal: new AbortController().signal,
      report: () => undefined,
    });
    // A machine at work may be slow to answer; that the bridge lives is another matter.
    const issues = figures.issues.filter((why) => !/^(one second after|the quiet)/.test(why));
    expect(issues).toEqual([]);
    expect(figures.quiet.calls).toBeGreaterThan(5);
    expect(figures.memory.peakBytes).toBeGreaterThan(30e6);
    expect(figures.cpuSeconds).toBeGreaterThan(0);
    expect(figures.scrapeBytes).toBeGreaterThan(500);
    expect(figures.descriptors.after).toBeGreaterThan(10);
    expect(Object.values(figures.counts).reduce((sum, times) => sum + times, 0)).toBeGreaterThan(
      50,
    );
  },
  120_000,
);

test('after Ctrl+C no process and no folder of it is left', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'attack-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const harness = spawn(
    process.execPath,
    ['--import', 'tsx', 'scripts/attack/main.ts', '--only', 'sessions', '--seconds', '60'],
    { cwd: projectRoot, stdio: 'ignore', env: { ...process.env, TMPDIR: folder } },
  );
  const gone = once(harness, 'exit');
  // PostgreSQL, two servers and two workers live when the attack is under way.
  await expect.poll(() => descendants(harness.pid).length, { timeout: 60_000 }).toBeGreaterThan(8);
  const below = descendants(harness.pid);
  harness.kill('SIGINT');
  expect(await gone).toEqual([130, null]);
  expect(await survivors(below)).toEqual([]);
  const left = await readdir(folder);
  expect(left.filter((name) => name.startsWith('drawbridge-attack-'))).toEqual([]);
}, 120_000);

function toSample(ms: number): Sample {
  return { ms, isFailure: false };
}

function findAttack(name: string): Attack {
  const attack = attacks.find((attack) => attack.name === name);
  if (attack === undefined) throw new Error(`There is no attack ${name}.`);
  return attack;
}

function toFigures(figures: Partial<Figures>): Figures {
  return {
    name: 'some-attack',
    seconds: 60,
    aloneP50: 6,
    quiet: toLatencies([5, 6, 7].map(toSample)),
    memory: { beforeBytes: 100e6, peakBytes: 200e6, afterBytes: 150e6 },
    disk: { grownBytes: 5e6, logBytes: 0 },
    cpuSeconds: 10,
    loopDelayMs: 20,
    scrapeBytes: 9_000,
    descriptors: { before: 30, after: 30 },
    counts: { 200: 10 },
    issues: [],
    ...figures,
  };
}
