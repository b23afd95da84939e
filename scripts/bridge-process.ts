// A bridge as a process of its own, for the scripts that kill it: start, wait until it is ready, stop.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

export const projectRoot = resolve(import.meta.dirname, '..');

/** Where a bridge is reached, and with the operator's key. */
export interface Door {
  readonly url: string;
  readonly token: string;
}

export interface BridgeOptions {
  readonly cwd: string;
  readonly home: string;
  /** 0 lets the system choose. */
  readonly port?: number;
  /** For node itself, before the script's name. */
  readonly nodeArguments?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A file descriptor for its own log; absent, nobody reads it. */
  readonly log?: number | undefined;
}

const READY_MS = 30_000;

/** The command line of a bridge, and its environment. */
export function toCommand({ cwd, home, port = 0, nodeArguments = [], env = {} }: BridgeOptions): {
  readonly command: readonly [string, ...string[]];
  readonly env: NodeJS.ProcessEnv;
} {
  const bin = join(projectRoot, 'bin/drawbridge.js');
  const start = ['start', '--allow', '--port', String(port), '--home', home];
  return {
    command: [process.execPath, ...nodeArguments, bin, ...start],
    // Not this user's own state: its list of homes would keep those that are tried here.
    env: { ...process.env, XDG_STATE_HOME: join(cwd, '.user-state'), ...env },
  };
}

export function spawnBridge(options: BridgeOptions): ChildProcess {
  const { command, env } = toCommand(options);
  const [program, ...args] = command;
  return spawn(program, args, {
    cwd: options.cwd,
    stdio: ['ignore', options.log ?? 'ignore', 'pipe'],
    env,
  });
}

/** Waits for the bridge with this very process id to answer /ready. */
export function waitUntilReady(home: string, child: ChildProcess): Promise<Door> {
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-4_000)));
  return pollUntilReady({
    home,
    pid: child.pid,
    hasEnded: () => hasEnded(child),
    said: () => Promise.resolve(`${child.exitCode ?? child.signalCode}: ${stderr}`),
  });
}

export interface PollOptions {
  readonly home: string;
  readonly pid: number | undefined;
  readonly hasEnded: () => boolean;
  /** What it wrote, for the message of an error. */
  readonly said: () => Promise<string>;
}

export async function pollUntilReady({ home, pid, hasEnded, said }: PollOptions): Promise<Door> {
  for (
    const deadline = performance.now() + READY_MS;
    performance.now() < deadline;
    await wait(20)
  ) {
    if (hasEnded()) throw new Error(`The bridge ended (${await said()})`);
    try {
      const held = JSON.parse(await readFile(join(home, 'bridge.json'), 'utf8')) as {
        pid: number;
        url: string;
      };
      if (held.pid !== pid || !(await fetch(`${held.url}/ready`)).ok) continue;
      return { url: held.url, token: (await readFile(join(home, 'token'), 'utf8')).trim() };
    } catch (error) {
      if (!isNotYet(error)) throw error;
    }
  }
  throw new Error(`The bridge was not ready in ${READY_MS / 1_000} s (${await said()})`);
}

export async function stopBridge(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || hasEnded(child)) return;
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  await gone;
}

export function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function isNotYet(error: unknown): boolean {
  return (
    error instanceof SyntaxError ||
    error instanceof TypeError ||
    (error instanceof Error && 'code' in error && error.code === 'ENOENT')
  );
}
