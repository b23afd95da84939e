// What one attack is made against: a bridge of its own with a fresh home, a quiet server, a hostile one
// where the attack needs it, and a key for each of those who ask.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  type Door,
  hasEnded,
  projectRoot,
  spawnBridge,
  waitUntilReady,
} from '../bridge-process.ts';
import { descendants, isGone, survivors } from '../process-table.ts';
import type { HostileMode } from './attacks/attack.ts';

export interface Stage {
  readonly folder: string;
  readonly home: string;
  /** The bridge's own log. */
  readonly log: string;
  readonly pid: number;
  /** The operator's. */
  readonly door: Door;
  /** What the bridge wrote last before it ended by itself; undefined while it lives. */
  readonly death: string | undefined;
  start(): Promise<void>;
  makeKey(name: string): Promise<string>;
  /** SIGTERM, and what was wrong with the end, in words. */
  stop(): Promise<string[]>;
  /** SIGKILL. */
  kill(): Promise<string[]>;
  /** Lets hostile servers do harm. */
  openGate(): Promise<void>;
  closeGate(): Promise<void>;
  /** What the hostile servers counted so far. */
  hostileCounts(): Promise<Record<string, number>>;
  close(): Promise<void>;
}

export interface StageOptions {
  readonly hostile: HostileMode | undefined;
  /** The folder stays. */
  readonly keeps: boolean;
}

const STOP_MS = 20_000;
const hostileScript = fileURLToPath(new URL('hostile-server.mjs', import.meta.url));

export async function createStage({ hostile, keeps }: StageOptions): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'drawbridge-attack-'));
  const home = join(folder, 'home');
  const state = join(folder, 'state');
  const log = join(folder, 'bridge.log');
  const counts = join(folder, 'hostile.json');
  const gate = join(folder, 'hostile-gate');
  await mkdir(state, { mode: 0o700 });
  const toServer = (script: string, ...args: string[]) => ({
    command: process.execPath,
    args: [script, ...args],
  });
  const quiet = toServer(
    join(projectRoot, 'scripts/witness-server.mjs'),
    join(folder, 'quiet.txt'),
  );
  await writeFile(
    join(folder, 'mcp.config.json'),
    JSON.stringify({
      mcpServers: {
        quiet,
        ...(hostile !== undefined && { hostile: toServer(hostileScript, hostile, counts, gate) }),
      },
    }),
  );
  const logFile = openSync(log, 'a');
  let child: ChildProcess | undefined;
  let door: Door | undefined;
  let death: string | undefined;
  let isEnding = false;

  const requirePid = (): number => {
    if (child?.pid === undefined) throw new Error('The bridge was not started.');
    return child.pid;
  };
  const requireDoor = (): Door => {
    if (door === undefined) throw new Error('The bridge was not started.');
    return door;
  };
  /** It lives on in neither way: what does not end is killed. */
  const end = async (signal: NodeJS.Signals): Promise<string[]> => {
    if (child === undefined || hasEnded(child)) return [];
    isEnding = true;
    const issues: string[] = [];
    const below = descendants(child.pid);
    const gone = once(child, 'exit').then(() => true);
    child.kill(signal);
    if (!(await Promise.race([gone, wait(STOP_MS, false, { ref: false })]))) {
      issues.push(`the bridge did not end within ${STOP_MS / 1_000} s of ${signal}`);
      child.kill('SIGKILL');
      await gone;
    }
    for (const left of await survivors(below)) issues.push(`left behind after ${signal}: ${left}`);
    return issues;
  };

  return {
    folder,
    home,
    log,
    get pid() {
      return requirePid();
    },
    get door() {
      return requireDoor();
    },
    get death() {
      return death;
    },
    async start() {
      isEnding = false;
      const started = spawnBridge({
        cwd: folder,
        home,
        log: logFile,
        env: { DRAWBRIDGE_HOST: '127.0.0.1', DATABASE_URL: '', XDG_STATE_HOME: state },
      });
      child = started;
      let words = '';
      started.stderr?.on('data', (part: Buffer) => (words = (words + part).slice(-400)));
      started.once('exit', (code, signal) => {
        if (!isEnding) death = `${signal ?? code}: ${words.trim().replaceAll(/\s+/g, ' ')}`;
      });
      door = await waitUntilReady(home, started);
    },
    async makeKey(name) {
      const { url, token } = requireDoor();
      const response = await fetch(`${url}/v1/keys`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ name }),
      });
      if (!response.ok) throw new Error(`No key for ${name}: ${await response.text()}`);
      const { key } = (await response.json()) as { key: string }; // POST /v1/keys
      return key;
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    openGate: () => writeFile(gate, ''),
    closeGate: () => rm(gate, { force: true }),
    async hostileCounts() {
      try {
        return JSON.parse(await readFile(counts, 'utf8')) as Record<string, number>; // our own server's
      } catch (error) {
        // It was not started, or is writing just now.
        if (isGone(error) || error instanceof SyntaxError) return {};
        throw error;
      }
    },
    async close() {
      await end('SIGTERM');
      closeSync(logFile);
      if (!keeps) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
