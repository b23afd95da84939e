// Kills the bridge with SIGKILL under load, again and again, and looks at what the log holds
// afterwards: every call that a client got an answer for, every call that reached a server whose
// tools are not known as read-only, and no gap in any run. Also: no process is left, and the next
// start works at once. `npm run kill-test -- --rounds 10 --callers 32 --seconds 2`.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const root = resolve(import.meta.dirname, '..');

export interface KillTestOptions {
  readonly rounds: number;
  readonly callers: number;
  /** How long a round's load lasts before the kill, at most. */
  readonly seconds: number;
  readonly report?: (line: string) => void;
}

export interface KillTestResult {
  readonly answered: number;
  readonly reachedWitness: number;
  readonly events: number;
  readonly runs: number;
  /** Milliseconds from spawn to ready, for each start after the first. */
  readonly restartMs: readonly number[];
  readonly faults: readonly string[];
}

interface RunEvent {
  readonly seq: number;
  readonly type: string;
  readonly payload: { callId?: string; arguments?: { inline?: { text?: string; path?: string } } };
}

export async function runKillTest({
  rounds,
  callers,
  seconds,
  report = () => undefined,
}: KillTestOptions): Promise<KillTestResult> {
  const folder = await mkdtemp(join(tmpdir(), 'drawbridge-kill-'));
  const home = join(folder, 'home');
  const witness = join(folder, 'witness.txt');
  await writeFile(witness, '');
  await writeFile(
    join(folder, 'mcp.config.json'),
    JSON.stringify({
      mcpServers: {
        filesystem: { command: 'drawbridge', args: ['server', 'filesystem'] },
        witness: {
          command: process.execPath,
          args: [join(root, 'scripts/witness-server.mjs'), witness],
        },
      },
    }),
  );
  const answered = new Set<string>();
  const faults: string[] = [];
  const restartMs: number[] = [];
  const bridge = { child: undefined as ChildProcess | undefined };
  try {
    for (let round = 1; round <= rounds; round += 1) {
      const begin = performance.now();
      bridge.child = start(folder, home);
      const { url, token } = await ready(home, bridge.child);
      const ms = performance.now() - begin;
      if (round > 1) restartMs.push(ms);
      const before = answered.size;
      const stop = new AbortController();
      const load = Promise.all(
        Array.from({ length: callers }, (_, caller) =>
          callUntil(stop.signal, {
            url,
            token,
            folder,
            name: `${round}.${caller}`,
            isModern: caller % 2 === 0,
            answered,
          }),
        ),
      );
      // A server's first start is not the load that is meant, so the time counts from the first answer.
      await Promise.race([until(() => answered.size > before), wait(20_000)]);
      await wait(seconds * 1_000 * (0.5 + Math.random() / 2));
      const pids = await descendants(bridge.child.pid);
      bridge.child.kill('SIGKILL');
      stop.abort();
      await load;
      const left = await survivors(pids);
      if (left.length > 0) faults.push(`round ${round}: left behind: ${left.join(', ')}`);
      report(
        `round ${round}: ready in ${Math.round(ms)} ms, ${answered.size - before} calls answered, ${pids.length} processes, ${left.length} left`,
      );
    }
    const begin = performance.now();
    bridge.child = start(folder, home);
    const { url, token } = await ready(home, bridge.child);
    restartMs.push(performance.now() - begin);
    const log = await readLog(url, token);
    const reached = (await readFile(witness, 'utf8')).split('\n').filter(Boolean);
    faults.push(...check(log, answered, reached));
    const events = [...log.values()].reduce((sum, list) => sum + list.length, 0);
    return {
      answered: answered.size,
      reachedWitness: reached.length,
      events,
      runs: log.size,
      restartMs,
      faults,
    };
  } finally {
    await stopBridge(bridge.child);
    await rm(folder, { recursive: true, force: true });
  }
}

function start(cwd: string, home: string): ChildProcess {
  return spawn(
    process.execPath,
    [join(root, 'bin/drawbridge.js'), 'start', '--port', '0', '--home', home],
    {
      cwd,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
}

async function stopBridge(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  await gone;
}

/** Waits for the bridge with this very process id to answer /ready. */
async function ready(home: string, child: ChildProcess): Promise<{ url: string; token: string }> {
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-4_000)));
  for (const deadline = performance.now() + 30_000; performance.now() < deadline; await wait(20)) {
    if (child.exitCode !== null)
      throw new Error(`The bridge exited with ${child.exitCode}: ${stderr}`);
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
  throw new Error(`The bridge was not ready in 30 s: ${stderr}`);
}

function isNotYet(error: unknown): boolean {
  return (
    error instanceof SyntaxError ||
    error instanceof TypeError ||
    (error instanceof Error && 'code' in error && error.code === 'ENOENT')
  );
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await wait(10);
}

interface Caller {
  readonly url: string;
  readonly token: string;
  readonly folder: string;
  readonly name: string;
  readonly isModern: boolean;
  readonly answered: Set<string>;
}

/** One caller: writes and reads in turn, each call with a text of its own, until the bridge is gone. */
async function callUntil(
  signal: AbortSignal,
  { url, token, folder, name, isModern, answered }: Caller,
): Promise<void> {
  const requestInit = { headers: { Authorization: `Bearer ${token}` } };
  const endpoint = new URL(`${url}/mcp`);
  const info = { name: 'kill-test', version: '1.0.0' };
  try {
    const call = isModern
      ? await connectModern(endpoint, requestInit, info)
      : await connectLegacy(endpoint, requestInit, info);
    for (let count = 0; !signal.aborted; count += 1) {
      const text = `${name}.${count}`;
      await (count % 2 === 0
        ? call('witness__note', { text })
        : call('filesystem__info', { path: join(folder, text) }));
      answered.add(text);
    }
  } catch (error) {
    if (!signal.aborted && !(error instanceof Error)) throw error;
    // The bridge was killed under this caller: a call without an answer proves nothing.
  }
}

/** A legacy client waits for the answer of a stream that broke off until its own timeout. */
const CALL_TIMEOUT_MS = 5_000;

type CallTool = (name: string, args: Record<string, unknown>) => Promise<unknown>;

async function connectModern(
  url: URL,
  requestInit: RequestInit,
  info: { name: string; version: string },
): Promise<CallTool> {
  const client = new ModernClient(info, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  await client.connect(new ModernTransport(url, { requestInit }));
  return (name, args) => client.callTool({ name, arguments: args }, { timeout: CALL_TIMEOUT_MS });
}

async function connectLegacy(
  url: URL,
  requestInit: RequestInit,
  info: { name: string; version: string },
): Promise<CallTool> {
  const client = new LegacyClient(info);
  await client.connect(
    new LegacyTransport(url, { requestInit }) as Parameters<LegacyClient['connect']>[0],
  ); // its optional members clash with exactOptionalPropertyTypes
  return (name, args) =>
    client.callTool({ name, arguments: args }, undefined, { timeout: CALL_TIMEOUT_MS });
}

/** Every run with all of its events, over the REST API. */
async function readLog(url: string, token: string): Promise<Map<string, RunEvent[]>> {
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(url + path, { headers: { Authorization: `Bearer ${token}` } });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  const log = new Map<string, RunEvent[]>();
  for (let cursor: string | undefined = ''; cursor !== undefined;) {
    const page: { runs: { id: string }[]; nextCursor?: string } = await get(
      `/v1/runs?limit=500${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    for (const { id } of page.runs) {
      const events: RunEvent[] = [];
      for (let after: number | undefined = 0; after !== undefined;) {
        const part: { events: RunEvent[]; nextAfter?: number } = await get(
          `/v1/runs/${id}/events?limit=1000&after=${after}`,
        );
        events.push(...part.events);
        after = part.nextAfter;
      }
      log.set(id, events);
    }
    cursor = page.nextCursor;
  }
  return log;
}

function check(
  log: ReadonlyMap<string, readonly RunEvent[]>,
  answered: ReadonlySet<string>,
  reached: readonly string[],
): string[] {
  const faults: string[] = [];
  const started = new Map<string, string>();
  const ended = new Set<string>();
  for (const [id, events] of log) {
    events.forEach((event, index) => {
      if (event.seq !== index + 1)
        faults.push(`run ${id}: event ${index + 1} has seq ${event.seq}`);
    });
    for (const { type, payload } of events) {
      const text = toToken(payload);
      if (type === 'call.started' && text !== '') {
        if (started.has(text)) faults.push(`${text} is logged as started twice`);
        started.set(text, payload.callId ?? '');
      }
      if (type === 'call.completed' && payload.callId !== undefined) ended.add(payload.callId);
    }
  }
  for (const text of answered) {
    if (!ended.has(started.get(text) ?? ''))
      faults.push(`${text} was answered, and its end is not in the log`);
  }
  for (const text of reached) {
    if (!started.has(text))
      faults.push(`${text} reached the server, and its start is not in the log`);
  }
  return faults;
}

/** The text that tells a call from all others: what it wrote, or the name of the file it asked for. */
function toToken({ arguments: args }: RunEvent['payload']): string {
  return args?.inline?.text ?? basename(args?.inline?.path ?? '');
}

/** Processes below this one, from /proc. */
async function descendants(pid: number | undefined): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readStat(Number(name));
    if (stat !== undefined) parents.set(Number(name), stat.parent);
  }
  const below = new Set([pid]);
  for (let grew = true; grew;) {
    grew = false;
    for (const [child, parent] of parents) {
      if (below.has(parent) && !below.has(child)) {
        below.add(child);
        grew = true;
      }
    }
  }
  return [...below].filter((id): id is number => id !== undefined && id !== pid);
}

/** Those of the processes that still live after 3 seconds. */
async function survivors(pids: readonly number[]): Promise<string[]> {
  for (const deadline = performance.now() + 3_000; ; await wait(50)) {
    const living = (await Promise.all(pids.map(isAlive))).filter((alive) => alive !== undefined);
    if (living.length === 0 || performance.now() > deadline) return living;
  }
}

/** A description of the process while it lives; a zombie is dead. */
async function isAlive(pid: number): Promise<string | undefined> {
  const stat = await readStat(pid);
  return stat === undefined || stat.state === 'Z' ? undefined : `${pid} ${stat.name}`;
}

async function readStat(
  pid: number,
): Promise<{ name: string; state: string; parent: number } | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    const [, name = '', state = '', parent = ''] = /^\d+ \((.*)\) (\S) (\d+)/s.exec(text) ?? [];
    return { name, state, parent: Number(parent) };
  } catch (error) {
    if (
      error instanceof Error &&
      'code' in error &&
      (error.code === 'ENOENT' || error.code === 'ESRCH')
    )
      return undefined;
    throw error;
  }
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '10' },
      callers: { type: 'string', default: '32' },
      seconds: { type: 'string', default: '2' },
    },
  });
  const { faults, restartMs, ...counts } = await runKillTest({
    rounds: Number(values.rounds),
    callers: Number(values.callers),
    seconds: Number(values.seconds),
    report: (line) => console.log(line),
  });
  console.log(counts, `restarts: ${restartMs.map((ms) => Math.round(ms)).join(', ')} ms`);
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
