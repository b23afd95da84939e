// What a soak runs on: a folder, a bridge on a port that stays the same over its lives, and a remote
// server. The clock of the bridge's process can be stepped; the machine's is never touched.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Door, hasEnded, spawnBridge, waitUntilReady } from '../bridge-process.ts';
import {
  descendants,
  isGone,
  listProcesses,
  readProc,
  sendSignal,
  survivors,
} from '../process-table.ts';
import { type Disk, mountDisk, whyNoDisk } from './disk.ts';

export interface Stage {
  readonly folder: string;
  readonly home: string;
  readonly door: Door;
  /** The present bridge's. */
  readonly pid: number;
  /** How many bridges there were so far. */
  readonly life: number;
  readonly disk: Disk | undefined;
  /** Why there is no disk of its own. */
  readonly noDiskBecause: string | undefined;
  /** Processes that outlived their bridge, in words. */
  readonly leftBehind: readonly string[];
  /** Bridges that ended though nobody ended them, or that did not end or answer, in words. */
  readonly crashes: string[];
  readonly remote: ChildProcess;
  /** Starts the next bridge; resolves with the milliseconds until it is ready. */
  start(): Promise<number>;
  /** SIGKILL to the bridge; resolves when all of it is gone, or should be. */
  kill(): Promise<void>;
  /** As an operator would; resolves when the bridge has ended, or was killed because it did not. */
  stop(signal: NodeJS.Signals): Promise<void>;
  /** SIGKILL to the bridge and all below it at once. */
  killTree(): Promise<void>;
  restartRemote(): Promise<void>;
  setClock(offsetMs: number): Promise<void>;
  /** Lets the bridge collect its garbage. */
  collect(): Promise<void>;
  /** Processes of this stage that belong to no bridge, in words. */
  strays(): Promise<string[]>;
  /** Lines of the witness: what a server began or did, and the token. */
  witnessed(): Promise<{ what: string; token: string }[]>;
  close(): Promise<void>;
}

export interface StageOptions {
  /** Absent: no disk of its own. */
  readonly diskMegabytes?: number | undefined;
  /** A file that the bridge's own log is appended to. */
  readonly bridgeLog?: string | undefined;
}

/** Short ones, so that a server that hangs does not make a soak of waiting. */
const CALL_TIMEOUT = '4s';
const COLLECTED_MS = 250;
/** Containers are killed after 10 s. */
const STOP_MS = 8_000;

const serverScript = fileURLToPath(new URL('server.mjs', import.meta.url));
const insideScript = new URL('inside.mjs', import.meta.url).href;

export async function createStage({ diskMegabytes, bridgeLog }: StageOptions): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'drawbridge-soak-'));
  const home = join(folder, 'home');
  const witness = join(folder, 'witness.txt');
  const clock = join(folder, 'clock.txt');
  await mkdir(home, { mode: 0o700 });
  await writeFile(witness, '');
  await writeFile(clock, '0');

  let noDiskBecause = diskMegabytes === undefined ? 'not asked for' : whyNoDisk();
  let disk: Disk | undefined;
  if (diskMegabytes !== undefined && noDiskBecause === undefined) {
    try {
      disk = mountDisk(home, diskMegabytes);
    } catch (error) {
      noDiskBecause = error instanceof Error ? error.message : String(error);
    }
  }

  let remote = await startRemote(witness, 0);
  await writeFile(
    join(folder, 'mcp.config.json'),
    JSON.stringify({
      mcpServers: {
        filesystem: { command: 'drawbridge', args: ['server', 'filesystem'] },
        worker: { command: process.execPath, args: [serverScript, witness] },
        remote: { type: 'http', url: `http://127.0.0.1:${remote.port}/mcp` },
      },
      drawbridge: {
        servers: {
          filesystem: { timeout: CALL_TIMEOUT },
          worker: { timeout: CALL_TIMEOUT, effects: { peek: 'read', large: 'read' } },
          remote: { timeout: CALL_TIMEOUT, effects: { peek: 'read', large: 'read' } },
        },
      },
    }),
  );

  let child: ChildProcess | undefined;
  let door: Door | undefined;
  let life = 0;
  const leftBehind: string[] = [];
  const crashes: string[] = [];
  /** Whose end comes as no surprise; it may be told of only when the next one starts. */
  let killed: ChildProcess | undefined;
  let isClosing = false;
  const log = bridgeLog === undefined ? undefined : openSync(bridgeLog, 'a');
  const noteLeft = async (pids: readonly number[], when: string): Promise<void> => {
    for (const process of await survivors(pids)) leftBehind.push(`${when}: ${process}`);
  };
  const pid = (): number => {
    if (child?.pid === undefined) throw new Error('There is no bridge.');
    return child.pid;
  };
  const signalInside = async (): Promise<void> => {
    if (child === undefined || hasEnded(child)) return;
    child.kill('SIGUSR2');
    await wait(COLLECTED_MS);
  };

  /** Goes on with another one. */
  const tellCrash = (started: ChildProcess): void => {
    let words = '';
    started.stderr?.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-800)));
    started.once('exit', (code, signal) => {
      if (started === killed || isClosing) return;
      crashes.push(`bridge ${life} ended by itself (${signal ?? code}): ${words.trim()}`);
      stage.start().catch((error: unknown) => crashes.push(`and did not start again: ${error}`));
    });
  };

  const stage: Stage = {
    folder,
    home,
    disk,
    noDiskBecause,
    leftBehind,
    crashes,
    get door() {
      if (door === undefined) throw new Error('The bridge was not started.');
      return door;
    },
    get pid() {
      return pid();
    },
    get life() {
      return life;
    },
    get remote() {
      return remote.child;
    },
    async start() {
      const begun = performance.now();
      child = spawnBridge({
        cwd: folder,
        home,
        port: door === undefined ? 0 : Number(new URL(door.url).port),
        nodeArguments: ['--expose-gc', '--import', insideScript],
        env: { DRAWBRIDGE_SOAK_CLOCK: clock },
        log,
      });
      life += 1;
      tellCrash(child);
      door = await waitUntilReady(home, child);
      return performance.now() - begun;
    },
    async kill() {
      const pids = descendants(pid());
      killed = child;
      child?.kill('SIGKILL');
      await noteLeft(pids, `after kill -9 of bridge ${life}`);
    },
    stop: (signal) => stop(signal),
    async killTree() {
      const pids = descendants(pid());
      killed = child;
      for (const id of [pid(), ...pids]) sendSignal(id, 'SIGKILL');
      await noteLeft(pids, `after kill -9 of bridge ${life} and all below it`);
    },
    async restartRemote() {
      await stopRemote(remote.child);
      remote = await startRemote(witness, remote.port);
    },
    async setClock(offsetMs) {
      await writeFile(clock, String(offsetMs));
      await signalInside();
    },
    collect: signalInside,
    async strays() {
      const expected = new Set([...descendants(child?.pid), child?.pid, remote.child.pid]);
      const found: string[] = [];
      for (const [id, { name }] of listProcesses())
        if (!expected.has(id) && (await belongsTo(id, folder))) found.push(`${id} ${name}`);
      return found;
    },
    async witnessed() {
      return (await readFile(witness, 'utf8'))
        .split('\n')
        .filter(Boolean)
        .map((line) => {
          const [what = '', token = ''] = line.split(' ');
          return { what, token };
        });
    },
    close: () => (closed ??= close()),
  };
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined || hasEnded(child)) return;
    const pids = descendants(child.pid);
    killed = child;
    const gone = once(child, 'exit').then(() => true);
    child.kill(signal);
    if (!(await Promise.race([gone, wait(STOP_MS, false, { ref: false })]))) {
      crashes.push(`bridge ${life} did not end within ${STOP_MS / 1_000} s of ${signal}`);
      child.kill('SIGKILL');
      await gone;
    }
    await noteLeft(pids, `after ${signal}`);
  };
  const close = async (): Promise<void> => {
    isClosing = true;
    await stop('SIGTERM');
    await stopRemote(remote.child);
    for (const stray of await stage.strays()) leftBehind.push(`at the end: ${stray}`);
    disk?.close();
    if (log !== undefined) closeSync(log);
    await rm(folder, { recursive: true, force: true });
  };
  let closed: Promise<void> | undefined;
  return stage;
}

async function startRemote(witness: string, port: number) {
  const child = fork(serverScript, [witness, String(port)], { stdio: 'inherit' });
  // The server's only message.
  const [{ port: bound }] = (await once(child, 'message')) as [{ port: number }];
  return { child, port: bound };
}

async function stopRemote(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** By what it was started with, or where it works. */
async function belongsTo(pid: number, folder: string): Promise<boolean> {
  if (pid === process.pid) return false;
  if ((await readProc(`${pid}/cmdline`))?.includes(folder) === true) return true;
  try {
    return (await readlink(`/proc/${pid}/cwd`)).startsWith(folder);
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}
