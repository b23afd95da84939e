// Kills the bridge with all that it started, PostgreSQL included, again and again, and starts it again at
// once: each start is to succeed at the first try, whatever the one before left. Every third kill falls into
// a start. Where nobody reaps, the dead stay in the process table as zombies, and their numbers in use.
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { BridgeTree } from './bridge-tree.ts';
import { killTree, startBridgeTree } from './bridge-tree.ts';
import type { Door } from './bridge-process.ts';
import { type KillTestOptions, callUntil, makeFolder } from './kill-load.ts';
import { LogCheck, readLog } from './log-check.ts';
import { countZombies, listIn, survivors } from './process-table.ts';

export interface TreeKillsResult {
  readonly kills: number;
  /** Starts that were left to become ready, and those of them that did so at the first try. */
  readonly starts: number;
  readonly firstTries: number;
  readonly answered: number;
  readonly zombies: number;
  /** Milliseconds from the spawn to ready, of the starts after the first. */
  readonly restartMs: readonly number[];
  readonly issues: readonly string[];
}

/** A start is killed within this time, at the latest: by then it is ready. */
const START_MS = 1_500;
const TRIES = 3;

export async function runTreeKills({
  rounds,
  callers,
  seconds,
  report = () => undefined,
}: KillTestOptions): Promise<TreeKillsResult> {
  const { folder, home, witness } = await makeFolder();
  const log = join(folder, 'bridge.log');
  const answered = new Set<string>();
  const issues: string[] = [];
  const restartMs: number[] = [];
  let loads: Promise<unknown> = Promise.resolve();
  let starts = 0;
  let firstTries = 0;
  let tree: BridgeTree | undefined;

  const start = () => startBridgeTree({ cwd: folder, home }, log);
  const kill = (): void => {
    if (tree !== undefined) killTree(tree.pid);
    tree = undefined;
  };
  /** Undefined when no try succeeded. */
  const startUntilReady = async (name: string): Promise<Door | undefined> => {
    starts += 1;
    for (let tried = 1; tried <= TRIES; tried += 1) {
      const begin = performance.now();
      tree = await start();
      try {
        const door = await tree.ready();
        if (tried === 1) firstTries += 1;
        if (starts > 1) restartMs.push(performance.now() - begin);
        return door;
      } catch (error) {
        issues.push(`${name}: ${String(error)}`);
        kill();
      }
    }
    return undefined;
  };

  try {
    for (let round = 1; round <= rounds; round += 1) {
      if (round % 3 === 0) {
        tree = await start();
        await wait(START_MS * Math.random());
      } else {
        const door = await startUntilReady(`round ${round}`);
        if (door === undefined) break;
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
        loads = Promise.all([loads, load]);
        await wait(seconds * 1_000 * Math.random());
        kill();
        stop.abort();
        report(
          `round ${round}: ready in ${Math.round(restartMs.at(-1) ?? 0)} ms, ${answered.size - before} calls answered`,
        );
      }
      kill();
    }
    const door = await startUntilReady('last start');
    await loads;
    if (door !== undefined) {
      const check = new LogCheck();
      await readLog(door, check);
      const reached = (await readFile(witness, 'utf8')).split('\n').filter(Boolean);
      issues.push(...Object.values(check.issues(answered, reached)).flat());
    }
    kill();
    const left = await survivors(await listIn(folder));
    if (left.length > 0) issues.push(`left behind: ${left.join(', ')}`);
    const zombies = countZombies();
    const kills = rounds + 1;
    return { kills, starts, firstTries, answered: answered.size, zombies, restartMs, issues };
  } finally {
    kill();
    await loads;
    await rm(folder, { recursive: true, force: true });
  }
}
