// A bridge that nobody waits for: a shell starts it and goes, so it and all it starts become children of
// the first process. In a PID namespace of its own that is this very script, and Node reaps only what it
// spawned itself: whatever is killed stays a zombie, as in a container without a reaping init.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { type BridgeOptions, type Door, pollUntilReady, toCommand } from './bridge-process.ts';
import { isAlive } from '../bridge/src/processes/process-facts.ts';
import { descendants, sendSignal } from './process-table.ts';

export interface BridgeTree {
  readonly pid: number;
  /** Rejects with what the bridge said when it ends first. */
  ready(): Promise<Door>;
}

/** `log` takes what the bridge says. */
export async function startBridgeTree(options: BridgeOptions, log: string): Promise<BridgeTree> {
  const { command, env } = toCommand(options);
  const output = openSync(log, 'w', 0o600);
  try {
    const shell = spawn('sh', ['-c', '"$@" >&3 2>&3 3>&- & echo $!', 'sh', ...command], {
      cwd: options.cwd,
      env,
      stdio: ['ignore', 'pipe', 'ignore', output],
    });
    const ended = once(shell, 'exit');
    const pid = Number(shell.stdout === null ? '' : await text(shell.stdout));
    await ended;
    return {
      pid,
      ready: () =>
        pollUntilReady({
          home: options.home,
          pid,
          hasEnded: () => !isAlive(pid),
          said: () => readFile(log, 'utf8'),
        }),
    };
  } finally {
    closeSync(output);
  }
}

/** Kills a process and everything below it, in an order drawn anew; returns their pids. */
export function killTree(pid: number): readonly number[] {
  const pids = [pid, ...descendants(pid)];
  const order = pids
    .map((each) => ({ each, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ each }) => each);
  for (const each of order) sendSignal(each, 'SIGKILL');
  return pids;
}

/**
 * Runs this script again as the first process of a PID namespace, which never reaps; returns its exit
 * code. An ordinary user needs the right to make user namespaces.
 */
export function runWithoutReaper(script: string, args: readonly string[]): number {
  const isRoot = process.getuid?.() === 0;
  const { status, error } = spawnSync(
    'unshare',
    [
      ...(isRoot ? [] : ['--user', '--map-current-user']),
      '--pid',
      '--fork',
      '--kill-child',
      '--mount-proc',
      process.execPath,
      '--import',
      'tsx',
      script,
      ...args,
    ],
    { stdio: 'inherit' },
  );
  if (error !== undefined) throw error;
  return status ?? 1;
}
