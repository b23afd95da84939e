// A contender's process. It gets a process group of its own, so that Ctrl+C reaches the bench alone
// and the bench ends it, with whatever it has started.
import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { listTree } from './process-tree.ts';

export interface ProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunningProcess {
  readonly pid: number;
  /** By performance.now(). */
  readonly startedAt: number;
  /** Rejects when the process ends; for a race with what is waited for. */
  readonly died: Promise<never>;
  stop(): Promise<void>;
}

const TIMEOUT_MS = 8_000;
const OUTPUT_KEPT = 2_000;

export function startProcess({ command, args, cwd, env }: ProcessOptions): RunningProcess {
  const startedAt = performance.now();
  const child = spawn(command, args, {
    cwd,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NODE_ENV: 'production', ...env },
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-OUTPUT_KEPT);
  });
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`ended with ${signal ?? code}: ${said.trim()}`));
  });
  const died = exited.then((how) => {
    throw new Error(`${command} ${how}`);
  });
  died.catch(() => undefined); // it may end when nobody waits any more
  const { pid } = child;
  return {
    pid: pid ?? -1,
    startedAt,
    died,
    async stop() {
      if (pid === undefined) return;
      const below = [...listTree(pid).keys()];
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await Promise.race([exited, wait(TIMEOUT_MS, undefined, { ref: false })]);
      }
      for (const each of below) if (listTree(each).size > 0) kill(each);
    },
  };
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
