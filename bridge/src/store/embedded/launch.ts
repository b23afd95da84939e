// Starts PostgreSQL's programs so that they can't outlive us and get nothing of us that they don't
// need: under their account, in a session of their own (Ctrl-C is for the bridge, which closes its
// database last), with a bare environment. The kernel sends SIGINT, which is a fast shutdown, when the
// bridge dies in whatever way.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import type { FileLock } from '../file-lock.ts';
import type { Account } from './account.ts';

export interface Launch {
  readonly program: string;
  readonly args: readonly string[];
  /** The data folder. */
  readonly cwd: string;
  /** Where it prints to: a file descriptor, or a pipe. */
  readonly output: number | 'pipe';
  /** What it reads; nothing by default. */
  readonly input?: string;
  /** Held by the program and its children as long as they live. */
  readonly lock?: FileLock | undefined;
}

export interface Launcher {
  /** Undefined means ourselves. */
  readonly account: Account | undefined;
  /** How a program must name its own data folder; see createLauncher. */
  toDataArgument(dataFolder: string): string;
  /** How a program must name what lies beside its data folder. */
  toSiblingArgument(dataFolder: string, name: string): string;
  launch(launch: Launch): ChildProcess;
}

/**
 * As root on Linux a program knows its data folder only as its working directory, entered before the
 * account changes. So no folder above it has to be open to that account: a home is 0700, and often
 * below /root.
 */
export function createLauncher(account: Account | undefined): Launcher {
  const isLinux = process.platform === 'linux';
  const isHidden = isLinux && account !== undefined;
  const hasDeathSignal =
    isLinux &&
    spawnSync('setpriv', ['--pdeathsig', 'INT', 'true'], { stdio: 'ignore' }).status === 0;

  return {
    account,
    toDataArgument: (dataFolder) => (isHidden ? '/proc/self/cwd' : dataFolder),
    toSiblingArgument: (dataFolder, name) =>
      isHidden ? `/proc/self/cwd/../${name}` : join(dirname(dataFolder), name),
    launch({ program, args, cwd, output, input, lock }) {
      const command = hasDeathSignal ? 'setpriv' : program;
      const prefix = hasDeathSignal ? ['--pdeathsig', 'INT', program] : [];
      const child = spawn(command, [...prefix, ...args], {
        cwd,
        detached: true,
        windowsHide: true,
        stdio: [
          input === undefined ? 'ignore' : 'pipe',
          output,
          output,
          ...(lock === undefined ? [] : [lock.fd]),
        ],
        env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
        ...account,
      });
      // One that ends before it has read everything says why in its output.
      child.stdin?.on('error', () => undefined).end(input);
      return child;
    },
  };
}
