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

export function spawnBridge({
  cwd,
  home,
  port = 0,
  nodeArguments = [],
  env = {},
  log,
}: BridgeOptions): ChildProcess {
  const bin = join(projectRoot, 'bin/drawbridge.js');
  return spawn(
    process.execPath,
    [...nodeArguments, bin, 'start', '--allow', '--port', String(port), '--home', home],
    {
      cwd,
      stdio: ['ignore', log ?? 'ignore', 'pipe'],
      // Not this user's own state: its list of homes would keep those that are tried here.
      env: { ...process.env, XDG_STATE_HOME: join(cwd, '.user-state'), ...env },
    },
  );
}

/** Waits for the bridge with this very process id to answer /ready. */
export async function waitUntilReady(home: string, child: ChildProcess): Promise<Door> {
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-4_000)));
  for (
    const deadline = performance.now() + READY_MS;
    performance.now() < deadline;
    await wait(20)
  ) {
    if (hasEnded(child))
      throw new Error(`The bridge ended (${child.exitCode ?? child.signalCode}): ${stderr}`);
    try {
      const { pid, url } = JSON.parse(await readFile(join(home, 'bridge.json'), 'utf8')) as {
        pid: number;
        url: string;
      };
      if (pid !== child.pid || !(await fetch(`${url}/ready`)).ok) continue;
      return { url, token: (await readFile(join(home, 'token'), 'utf8')).trim() };
    } catch (error) {
      if (!isNotYet(error)) throw error;
    }
  }
  throw new Error(`The bridge was not ready in ${READY_MS / 1_000} s: ${stderr}`);
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
