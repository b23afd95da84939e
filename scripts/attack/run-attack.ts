// One attack, from a fresh bridge to a second start of it: the quiet caller alone, then beside the
// attacker, then what is left of the bridge.
import { setTimeout as wait } from 'node:timers/promises';
import type { Attack } from './attacks/attack.ts';
import { toCallRequest } from './attacks/messages.ts';
import { scrape, startGauge } from './gauge.ts';
import { toLatencies } from './latencies.ts';
import type { Figures } from './levels.ts';
import { createStage, type Stage } from './stage.ts';
import { createWorkers } from './workers.ts';

export interface RunOptions {
  readonly seconds: number;
  readonly keeps: boolean;
  /** Ends the attack before its time; its figures are of no use then. */
  readonly signal: AbortSignal;
  readonly report: (line: string) => void;
}

const WARM_CALLS = 50;
const ANSWER_MS = 1_000;
/** From the end of the attack until the memory is read that is still held. */
const REST_MS = 3_000;
/** How much longer than its time an attack may live that nobody ends. */
const SPARE_SECONDS = 30;

export async function runAttack(
  attack: Attack,
  { seconds, keeps, signal, report }: RunOptions,
): Promise<Figures> {
  const stage = await createStage({ hostile: attack.hostile, keeps });
  const workers = createWorkers();
  const issues: string[] = [];
  try {
    if (keeps) report(`${attack.name} is in ${stage.folder}`);
    await stage.start();
    const { door, pid, home, log } = stage;
    const quietKey = await stage.makeKey('quiet');
    const key = await stage.makeKey('attacker');
    const quiet = await workers.startQuiet({ url: door.url, key: quietKey, warmCalls: WARM_CALLS });
    const attacker = await workers.startAttacker();
    const gauge = await startGauge({ pid, home, log });
    try {
      const before = await gauge.memory();
      const descriptorsBefore = await gauge.descriptors();
      await scrape(door); // the loop's delay is told since the last one
      const begun = performance.now();
      await stage.openGate();
      attacker.begin({
        name: attack.name,
        url: door.url,
        key,
        operatorKey: door.token,
        mostSeconds: seconds + SPARE_SECONDS,
      });
      await waitUntilOver(stage, seconds, signal);
      const lasted = (performance.now() - begun) / 1_000;
      await stage.closeGate();
      const quietEnd = quiet.end();
      let killIssues: string[] = [];
      if (attack.endsWithKill === true) {
        await quietEnd;
        killIssues = await stage.kill();
      }
      const { counts = {}, issue } = await attacker.end();
      if (issue !== undefined) issues.push(`the attack itself failed: ${issue}`);
      if (Object.keys(counts).length === 0) issues.push('the attack did nothing');
      const { samples, failures } = await quietEnd;
      if (failures.length > 0) issues.push(`the quiet caller was told: ${failures.join('; ')}`);
      if (stage.death !== undefined) issues.push(`the bridge ended by itself (${stage.death})`);
      const isAlive = stage.death === undefined && attack.endsWithKill !== true;
      if (isAlive) {
        const why = await whyNoAnswer(stage, quietKey);
        if (why !== undefined) issues.push(`one second after the attack: ${why}`);
        await wait(REST_MS);
      }
      const scraped = isAlive ? await scrape(door) : undefined;
      const { now, peak } = await gauge.memory();
      const figures = {
        name: attack.name,
        seconds: lasted,
        aloneP50: toLatencies(quiet.alone).p50,
        quiet: toLatencies(samples),
        memory: { beforeBytes: before.now ?? 0, peakBytes: peak, afterBytes: now },
        disk: await gauge.grown(),
        cpuSeconds: await gauge.cpuSeconds(),
        loopDelayMs: scraped?.loopDelayMs,
        scrapeBytes: scraped?.bytes,
        descriptors: { before: descriptorsBefore ?? 0, after: await gauge.descriptors() },
        counts: prefixed(counts, await stage.hostileCounts()),
      };
      issues.push(...killIssues, ...(await stage.stop()));
      signal.throwIfAborted();
      issues.push(...(await startAgain(stage, quietKey)));
      return { ...figures, issues };
    } finally {
      await gauge.close();
    }
  } finally {
    await workers.close();
    await stage.close();
  }
}

/** The time, or the end of the bridge or of the harness. */
async function waitUntilOver(stage: Stage, seconds: number, signal: AbortSignal): Promise<void> {
  for (const end = performance.now() + seconds * 1_000; performance.now() < end; await wait(50)) {
    signal.throwIfAborted();
    if (stage.death !== undefined) return;
  }
}

/** A second start succeeds, answers a call and ends. */
async function startAgain(stage: Stage, quietKey: string): Promise<string[]> {
  try {
    await stage.start();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [`the next start failed: ${why.replaceAll(/\s+/g, ' ').slice(0, 300)}`];
  }
  // The server's own start belongs to the first call.
  await whyNoAnswer(stage, quietKey, START_MS);
  const why = await whyNoAnswer(stage, quietKey);
  return [...(why === undefined ? [] : [`after the next start: ${why}`]), ...(await stage.stop())];
}

const START_MS = 30_000;

/** A call of the quiet caller; undefined when it was answered well. */
async function whyNoAnswer(
  { door }: Stage,
  key: string,
  timeoutMs = ANSWER_MS,
): Promise<string | undefined> {
  const { path, headers, body } = toCallRequest('{"text":"after"}', { key, client: 'quiet' });
  try {
    const response = await fetch(door.url + path, {
      method: 'POST',
      headers,
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await response.text();
    return text.includes('"text":"after"') ? undefined : `${response.status} ${text.slice(0, 300)}`;
  } catch (error) {
    if (error instanceof TypeError || error instanceof DOMException)
      return `no answer to a call in ${timeoutMs / 1_000} s`;
    throw error;
  }
}

function prefixed(
  counts: Readonly<Record<string, number>>,
  hostile: Readonly<Record<string, number>>,
): Record<string, number> {
  return {
    ...counts,
    ...Object.fromEntries(
      Object.entries(hostile).map(([what, times]) => [`the server's ${what}`, times]),
    ),
  };
}
