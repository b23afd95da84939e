// Kills the bridge with SIGKILL under load, again and again, and looks at what the log holds
// afterwards: every call that a client got an answer for, every call that reached a server whose
// tools are not known as read-only, and no gap in any run. Also: no process is left, and the next
// start works at once. `npm run kill-test -- --rounds 10 --callers 32 --seconds 2`.
import type { ChildProcess } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { spawnBridge, stopBridge, waitUntilReady } from './bridge-process.ts';
import { runWithoutReaper } from './bridge-tree.ts';
import { type KillTestOptions, callUntil, makeFolder } from './kill-load.ts';
import { LogCheck, readLog } from './log-check.ts';
import { descendants, survivors } from './process-table.ts';
import { runTreeKills } from './tree-kills.ts';

export interface KillTestResult {
  readonly answered: number;
  readonly reachedWitness: number;
  readonly events: number;
  readonly runs: number;
  /** Milliseconds from spawn to ready, for each start after the first. */
  readonly restartMs: readonly number[];
  readonly issues: readonly string[];
}

export async function runKillTest({
  rounds,
  callers,
  seconds,
  report = () => undefined,
}: KillTestOptions): Promise<KillTestResult> {
  const { folder, home, witness } = await makeFolder();
  const answered = new Set<string>();
  const issues: string[] = [];
  const restartMs: number[] = [];
  const bridge = { child: undefined as ChildProcess | undefined };
  try {
    for (let round = 1; round <= rounds; round += 1) {
      const begin = performance.now();
      bridge.child = spawnBridge({ cwd: folder, home });
      const door = await waitUntilReady(home, bridge.child);
      const ms = performance.now() - begin;
      if (round > 1) restartMs.push(ms);
      const before = answered.size;
      const stop = new AbortController();
      const load = Promise.all(
        Array.from({ length: callers }, (_, caller) =>
          callUntil(stop.signal, {
            door,
            folder,
            name: `${round}.${caller}`,
            isModern: caller % 2 === 0,
            answered,
          }),
        ),
      );
      // A server's first start is not the load that is meant, so the time counts from the first answer.
      await Promise.race([until(() => answered.size > before), wait(20_000)]);
      await wait(seconds * 1_000 * (0.5 + Math.random() / 2));
      const pids = descendants(bridge.child.pid);
      bridge.child.kill('SIGKILL');
      stop.abort();
      await load;
      const left = await survivors(pids);
      if (left.length > 0) issues.push(`round ${round}: left behind: ${left.join(', ')}`);
      report(
        `round ${round}: ready in ${Math.round(ms)} ms, ${answered.size - before} calls answered, ${pids.length} processes, ${left.length} left`,
      );
    }
    const begin = performance.now();
    bridge.child = spawnBridge({ cwd: folder, home });
    const door = await waitUntilReady(home, bridge.child);
    restartMs.push(performance.now() - begin);
    const log = new LogCheck();
    await readLog(door, log);
    const reached = (await readFile(witness, 'utf8')).split('\n').filter(Boolean);
    issues.push(...Object.values(log.issues(answered, reached)).flat());
    return {
      answered: answered.size,
      reachedWitness: reached.length,
      events: log.events,
      runs: log.runs,
      restartMs,
      issues,
    };
  } finally {
    await stopBridge(bridge.child);
    await rm(folder, { recursive: true, force: true });
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await wait(10);
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '10' },
      callers: { type: 'string', default: '32' },
      seconds: { type: 'string', default: '2' },
      tree: { type: 'boolean', default: false },
      'no-reaper': { type: 'boolean', default: false },
    },
  });
  const options = {
    rounds: Number(values.rounds),
    callers: Number(values.callers),
    seconds: Number(values.seconds),
    report: (line: string) => console.log(line),
  };
  if (values['no-reaper'] && process.pid !== 1) {
    process.exitCode = runWithoutReaper(import.meta.filename, process.argv.slice(2));
  } else {
    const result = values.tree ? await runTreeKills(options) : await runKillTest(options);
    const { issues, restartMs, ...counts } = result;
    console.log(counts, `starts: ${restartMs.map((ms) => Math.round(ms)).join(', ')} ms`);
    for (const issue of issues) console.error(issue);
    process.exitCode = issues.length === 0 ? 0 : 1;
  }
}
