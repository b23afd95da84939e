// Finds the bridge of a home, or starts one in the background that leaves when nobody needs it. Several
// clients start at once when an editor opens: a start file lets one of them start the bridge, and the
// home's own lock holds even where that file was left behind.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findPackageRoot } from '@drawbridge/registry';
import { isSystemError } from '../errors.ts';
import { type Home, claimHome } from '../settings/homes.ts';
import { isUnreachable, readText, type Exchange } from '../http-client/exchange.ts';
import { isAlive } from '../processes/process-facts.ts';
import { readRunningBridge } from '../store/home-lock.ts';
import { readStartMark } from '../processes/process-identity.ts';
import { rotateIfFull } from '../telemetry/rotating-file.ts';
import { CommandFailure, EXIT_LOCKED } from './failure.ts';
import { bridgeLogPath } from './commands/servers.ts';

export interface JoinOptions {
  /** One that may be used. */
  readonly home: Home;
  /** For a bridge that is started. */
  readonly config?: string | undefined;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly exchange: Exchange;
  readonly signal: AbortSignal;
}

const IDLE_SECONDS = 600;
/** The first start of a home lays out a database. */
const START_MS = 60_000;
const POLL_MS = 40;
const ANSWER_MS = 2_000;
/** A bridge ends within 8 s. */
const GIVE_WAY_MS = 12_000;

/** The URL of the bridge that now answers for the home. */
export async function joinBridge(options: JoinOptions): Promise<string> {
  const { signal, env } = options;
  const { path: home } = options.home;
  claimHome(options.home, env);
  const end = performance.now() + START_MS;
  let started: Started | undefined;
  try {
    while (performance.now() < end) {
      const running = readRunningBridge(home);
      if (running?.url !== undefined && (await answers(running.url, options))) return running.url;
      if (started?.state() === 'failed') throw startFailure(home);
      if (started?.state() === 'gave way') {
        started = undefined;
        releaseTurn(home);
      }
      // A bridge that stops keeps the home until it has ended.
      if (running === undefined) started ??= takeTurn(home) ? startDetached(options) : undefined;
      await delay(POLL_MS, undefined, { signal });
    }
  } finally {
    if (started !== undefined) releaseTurn(home);
  }
  throw startFailure(home);
}

/**
 * Takes the home from a bridge that was started for clients in passing, and keeps them from starting
 * another; they join the one that starts now. Returns how to let them again.
 * @throws CommandFailure when that bridge does not end
 */
export async function takeHomeOver(home: string, signal: AbortSignal): Promise<() => void> {
  if (readRunningBridge(home)?.isBackground !== true) return () => undefined;
  claimTurn(home);
  const told = new Set<number>();
  const end = performance.now() + GIVE_WAY_MS;
  try {
    for (
      let running = readRunningBridge(home);
      running?.isBackground === true;
      running = readRunningBridge(home)
    ) {
      if (performance.now() > end) {
        throw new CommandFailure(`The bridge in the background (pid ${running.pid}) does not end.`);
      }
      if (!told.has(running.pid)) tellToEnd(running.pid);
      told.add(running.pid);
      await delay(POLL_MS, undefined, { signal });
    }
  } catch (error) {
    releaseTurn(home);
    throw error;
  }
  return () => releaseTurn(home);
}

function tellToEnd(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    if (!isSystemError(error, 'ESRCH')) throw error;
  }
}

interface Started {
  /** `gave way`: it was told to end, or another bridge holds the home. */
  state(): 'running' | 'failed' | 'gave way';
}

function startDetached({ home, config, cwd, env }: JoinOptions): Started {
  const log = bridgeLogPath(home.path);
  mkdirSync(dirname(log), { recursive: true, mode: 0o700 });
  rotateIfFull(log);
  // What is said before there is a logger, and what a crash leaves.
  const output = openSync(log, 'a', 0o600);
  let child: ChildProcess;
  try {
    child = spawn(
      process.execPath,
      [
        join(findPackageRoot(), 'bin', 'drawbridge.js'),
        'start',
        // A home that was named keeps its own copies of what was allowed.
        ...(home.trust === 'named' ? ['--home', home.path] : []),
        '--detached-idle',
        String(IDLE_SECONDS),
        '--log-level',
        'info',
        '--log-file',
        log,
        ...(config === undefined ? [] : ['--config', config]),
      ],
      { cwd, env: { ...env }, detached: true, stdio: ['ignore', output, output] },
    );
  } finally {
    closeSync(output);
  }
  child.unref();
  let state: ReturnType<Started['state']> = 'running';
  child.on('error', () => {
    state = 'failed';
  });
  child.on('exit', (code) => {
    state = code === 0 || code === EXIT_LOCKED ? 'gave way' : 'failed';
  });
  return { state: () => state };
}

async function answers(url: string, { exchange, signal }: JoinOptions): Promise<boolean> {
  try {
    const answer = await exchange.send({
      url: `${url}/health`,
      method: 'GET',
      headers: {},
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
    });
    await readText(answer);
    return answer.status === 200;
  } catch (error) {
    if (isUnreachable(error) || !signal.aborted) return false;
    throw error;
  }
}

function turnPath(home: string): string {
  return join(home, 'starting');
}

/** Whether this process is the one to start the bridge: it made the file, or its maker is dead. */
function takeTurn(home: string): boolean {
  const path = turnPath(home);
  const draft = `${path}.${process.pid}`;
  // A link, so that the file is never there without saying whose it is.
  writeFileSync(draft, toOwnMark(), { mode: 0o600 });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  if (!isMakerAlive(path)) rmSync(path, { force: true });
  return false;
}

/** Takes the turn from whoever has it. */
function claimTurn(home: string): void {
  const path = turnPath(home);
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, toOwnMark(), { mode: 0o600 });
  renameSync(draft, path);
}

function releaseTurn(home: string): void {
  const path = turnPath(home);
  if (readMaker(path) === toOwnMark()) rmSync(path, { force: true });
}

function toOwnMark(): string {
  return `${process.pid} ${readStartMark(process.pid)}`;
}

function readMaker(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Not a zombie, and not another process that has its number now. */
function isMakerAlive(path: string): boolean {
  const [pid, mark] = readMaker(path)?.split(' ') ?? [];
  return Number(pid) > 0 && isAlive(Number(pid)) && readStartMark(Number(pid)) === mark;
}

function startFailure(home: string): CommandFailure {
  const log = bridgeLogPath(home);
  return new CommandFailure(`The bridge of ${home} did not start.`, {
    hint: `Its log says why: ${log}. \`drawbridge doctor --home ${home}\` looks at the set-up.`,
  });
}
