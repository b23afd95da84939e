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
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findPackageRoot } from '@drawbridge/registry';
import { type Home, claimHome } from '../settings/homes.ts';
import { isUnreachable, readText, type Exchange } from '../fronts/mcp-stdio/exchange.ts';
import { isSystemError } from '../errors.ts';
import { isAlive } from '../process-facts.ts';
import { readRunningBridge } from '../store/home-lock.ts';
import { readStartMark } from '../store/process-identity.ts';
import { rotateIfFull } from '../telemetry/rotating-file.ts';
import { CommandFailure, EXIT_LOCKED } from './failure.ts';
import { bridgeLogPath } from './servers.ts';

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

/** The URL of the bridge that now answers for the home. */
export async function joinBridge(options: JoinOptions): Promise<string> {
  const { signal, env } = options;
  const { path: home } = options.home;
  claimHome(options.home, env);
  const end = Date.now() + START_MS;
  let started: Started | undefined;
  try {
    while (Date.now() < end) {
      const running = await readRunningBridge(home);
      if (running?.url !== undefined && (await answers(running.url, options))) return running.url;
      if (started?.failed() === true) throw startFailure(home);
      started ??= takeTurn(home) ? startDetached(options) : undefined;
      await delay(POLL_MS, undefined, { signal });
    }
  } finally {
    if (started !== undefined) rmSync(turnPath(home), { force: true });
  }
  throw startFailure(home);
}

interface Started {
  /** True when it ended although no other bridge holds the home. */
  failed(): boolean;
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
  let hasFailed = false;
  child.on('error', () => {
    hasFailed = true;
  });
  child.on('exit', (code) => {
    hasFailed = code !== EXIT_LOCKED;
  });
  return { failed: () => hasFailed };
}

async function answers(url: string, { exchange, signal }: JoinOptions): Promise<boolean> {
  try {
    const answer = await exchange.send({
      url: `${url}/live`,
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
  writeFileSync(draft, `${process.pid} ${readStartMark(process.pid)}`, { mode: 0o600 });
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

/** Not a zombie, and not another process that has its number now. */
function isMakerAlive(path: string): boolean {
  try {
    const [pid, mark] = readFileSync(path, 'utf8').split(' ');
    return Number(pid) > 0 && isAlive(Number(pid)) && readStartMark(Number(pid)) === mark;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}

function startFailure(home: string): CommandFailure {
  const log = bridgeLogPath(home);
  return new CommandFailure(`The bridge of ${home} did not start.`, {
    hint: `Its log says why: ${log}. \`drawbridge doctor --home ${home}\` looks at the set-up.`,
  });
}
