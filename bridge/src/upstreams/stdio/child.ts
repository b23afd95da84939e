// One server process: started as the leader of its own group and session, stopped in the order that
// MCP asks for (stdin closes, then SIGTERM, then SIGKILL), always the whole group.
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { spawn as nodeSpawn, spawnSync } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { DrawbridgeError } from '../../errors.ts';
import type { ProcessLedger } from '../../processes/process-ledger.ts';
import { isGroupAlive, signalGroup, waitForGroupEnd } from '../../processes/process-group.ts';
import { waitAtMost } from '../../bounded-wait.ts';

export interface ChildSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment of the child. */
  readonly env: Readonly<Record<string, string>>;
}

export interface ChildDeps {
  readonly ledger: ProcessLedger;
  /** Before each harsher step of the stop, in milliseconds. */
  readonly stopMs: () => number;
  readonly spawn?: typeof nodeSpawn;
}

export interface Child {
  readonly pid: number;
  readonly streams: ChildProcessWithoutNullStreams;
  /** Resolves in words ("exit code 3", "signal SIGSEGV") when the process is gone; never rejects. */
  readonly exited: Promise<string>;
  /** Idempotent; resolves when nothing of the group is left. */
  stop(): Promise<void>;
}

/** @throws DrawbridgeError `upstream/start_failed` in words for the operator */
export async function spawnChild(
  spec: ChildSpec,
  { ledger, stopMs, spawn = nodeSpawn }: ChildDeps,
): Promise<Child> {
  assertStartable(spec);
  const wrapped = diesWithParent()
    ? { command: 'setpriv', args: ['--pdeathsig', 'KILL', '--', spec.command, ...spec.args] }
    : { command: spec.command, args: [...spec.args] };
  const streams = spawn(wrapped.command, wrapped.args, {
    cwd: spec.cwd,
    env: spec.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  const exited = new Promise<string>((resolve) => {
    streams.once('exit', (code, signal) =>
      resolve(signal === null ? `exit code ${code}` : `signal ${signal}`),
    );
  });
  const { pid } = streams;
  if (pid !== undefined) record(pid, ledger);
  await new Promise<void>((resolve, reject) => {
    streams.once('spawn', resolve);
    streams.once('error', (cause) =>
      reject(
        new DrawbridgeError('upstream/start_failed', `could not run "${spec.command}": ${cause}`, {
          cause,
        }),
      ),
    );
  });
  if (pid === undefined) throw new DrawbridgeError('upstream/start_failed', 'the child has no pid');
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    streams.stdin.end();
    await waitAtMost(exited, stopMs());
    if (isGroupAlive(pid)) {
      signalGroup(pid, 'SIGTERM');
      if (!(await waitForGroupEnd(pid, stopMs()))) {
        signalGroup(pid, 'SIGKILL');
        // Bounded: a process in an uninterruptible wait outlives even SIGKILL for a while.
        await waitForGroupEnd(pid, stopMs());
      }
    }
    await waitAtMost(exited, stopMs());
    if (!isGroupAlive(pid)) ledger.remove(pid);
    for (const stream of [streams.stdin, streams.stdout, streams.stderr]) stream.destroy();
  };
  return {
    pid,
    streams,
    exited,
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** A process that nobody keeps account of may not live. */
function record(pid: number, ledger: ProcessLedger): void {
  try {
    ledger.add(pid);
  } catch (cause) {
    signalGroup(pid, 'SIGKILL');
    throw new DrawbridgeError('upstream/start_failed', `could not record its process: ${cause}`, {
      cause,
    });
  }
}

/** Says what is missing before `setpriv` can turn it into an exit code. */
function assertStartable({ command, cwd, env }: ChildSpec): void {
  if (statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new DrawbridgeError('upstream/start_failed', `its working folder ${cwd} does not exist`);
  }
  if (process.platform === 'win32') return;
  const path = env['PATH'] ?? '/usr/bin:/bin';
  const candidates =
    isAbsolute(command) || command.includes('/')
      ? [resolve(cwd, command)]
      : path.split(delimiter).map((folder) => join(folder, command));
  if (candidates.some(isExecutable)) return;
  throw new DrawbridgeError(
    'upstream/start_failed',
    `its command "${command}" was not found or is not executable (looked at ${candidates.join(', ')})`,
  );
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

let setprivWorks: boolean | undefined;

/** Whether `setpriv --pdeathsig` can be used here; busybox has a setpriv without it. Asked once. */
function diesWithParent(): boolean {
  setprivWorks ??=
    process.platform === 'linux' &&
    spawnSync('setpriv', ['--pdeathsig', 'KILL', '--', 'true'], { stdio: 'ignore' }).status === 0;
  return setprivWorks;
}
