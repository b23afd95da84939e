// Stops the bridge with SIGTERM, SIGINT and SIGHUP under load, again and again: every call has to be
// answered or refused in words of the bridge, at once or within the grace; everything has to end within
// 8 seconds; and the log has to know how every call ended. A `drawbridge stdio` lives through all of it.
// `npm run stop-test -- --stops 100 --callers 16 --seconds 1`.
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  hasEnded,
  projectRoot,
  spawnBridge,
  stopBridge,
  waitUntilReady,
} from './bridge-process.ts';
import { LogCheck, readLog } from './log-check.ts';
import { descendants, survivors } from './process-table.ts';
import {
  type CallEnd,
  callUntilRefused,
  callerKinds,
  connect,
  connectStdio,
} from './stop-callers.ts';

export interface StopTestOptions {
  readonly stops: number;
  /** Over HTTP; they are of all kinds in turn. */
  readonly callers: number;
  /** How long the load lasts before a stop, at most. */
  readonly seconds: number;
  readonly report?: (line: string) => void;
}

export interface StopTestResult {
  readonly answered: number;
  /** Calls that ended in words of the bridge. */
  readonly inWords: number;
  /** Calls that ended in another way, with what was said. */
  readonly otherwise: readonly string[];
  /** From the signal to the last answer over HTTP, and over stdio, where refused calls are held. */
  readonly answerMs: number;
  readonly heldMs: number;
  /** From the signal to the end of the bridge with all its processes. */
  readonly endMs: number;
  readonly issues: readonly string[];
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
const ALL_ENDS_MS = 8_000;
const STDIO_CALLERS = 4;

export async function runStopTest({
  stops,
  callers,
  seconds,
  report = () => undefined,
}: StopTestOptions): Promise<StopTestResult> {
  const cwd = await mkdtemp(join(tmpdir(), 'drawbridge-stop-'));
  const home = join(cwd, 'home');
  const witness = join(cwd, 'witness.txt');
  await writeFile(witness, '');
  await writeFile(
    join(cwd, 'mcp.config.json'),
    JSON.stringify({
      mcpServers: {
        filesystem: { command: 'drawbridge', args: ['server', 'filesystem'] },
        witness: {
          command: process.execPath,
          args: [join(projectRoot, 'scripts/witness-server.mjs'), witness],
        },
      },
    }),
  );
  const env = { XDG_STATE_HOME: join(cwd, '.user-state'), DRAWBRIDGE_PORT: '0' };
  const answered = new Set<string>();
  const otherwise: string[] = [];
  const issues: string[] = [];
  const most = { answerMs: 0, heldMs: 0, endMs: 0 };
  let inWords = 0;
  let signalledAt = Number.POSITIVE_INFINITY;

  const note =
    (kind: string, most_: 'answerMs' | 'heldMs') =>
    ({ how, why = '', at }: CallEnd, text: string): void => {
      if (how === 'answered') answered.add(text);
      else if (how === 'in words') inWords += 1;
      else otherwise.push(`${kind}: ${text}: ${why}`);
      most[most_] = Math.max(most[most_], at - signalledAt);
    };

  const bridge = { child: undefined as ChildProcess | undefined };
  let stdio: Awaited<ReturnType<typeof connectStdio>> | undefined;
  try {
    for (let stop = 1; stop <= stops; stop += 1) {
      const before = { answered: answered.size, inWords };
      const started = performance.now();
      const child = spawnBridge({ cwd, home });
      bridge.child = child;
      const door = await waitUntilReady(home, child);
      const readyMs = performance.now() - started;
      stdio ??= await connectStdio({ cwd, home, env });
      const over = new AbortController();
      const held = Array.from({ length: STDIO_CALLERS }, (_, caller) =>
        callUntilRefused(stdio as NonNullable<typeof stdio>, {
          folder: cwd,
          name: `${stop}.stdio${caller}`,
          signal: over.signal,
          writesOnly: true,
          onEnd: note('stdio', 'heldMs'),
        }),
      );
      const load = Array.from({ length: callers }, async (_, index) => {
        const kind = callerKinds[index % callerKinds.length] ?? 'REST';
        const caller = await connect(kind, door);
        const { signal } = new AbortController();
        const name = `${stop}.${index}`;
        await callUntilRefused(caller, {
          folder: cwd,
          name,
          signal,
          onEnd: note(kind, 'answerMs'),
        });
        await caller.close();
      });
      while (answered.size === before.answered) await wait(10);
      await wait(seconds * 1_000 * (0.5 + Math.random() / 2));
      const pids = descendants(child.pid);
      const signal = SIGNALS[stop % SIGNALS.length] ?? 'SIGTERM';
      const gone = new Promise((done) => child.once('exit', done));
      signalledAt = performance.now();
      child.kill(signal);
      await gone;
      const left = await survivors(pids);
      const endMs = performance.now() - signalledAt;
      await Promise.all(load);
      most.endMs = Math.max(most.endMs, endMs);
      if (endMs > ALL_ENDS_MS) issues.push(`stop ${stop}: the end took ${Math.round(endMs)} ms`);
      if (left.length > 0) issues.push(`stop ${stop}: left behind: ${left.join(', ')}`);
      if (child.exitCode !== 0) {
        issues.push(`stop ${stop}: ended with ${child.exitCode ?? child.signalCode}`);
      }
      over.abort();
      await Promise.all(held);
      signalledAt = Number.POSITIVE_INFINITY;
      report(
        `stop ${stop} by ${signal}: ready in ${Math.round(readyMs)} ms, ${answered.size - before.answered} calls answered, ${inWords - before.inWords} told in words, ended in ${Math.round(endMs)} ms`,
      );
    }
    const child = spawnBridge({ cwd, home });
    bridge.child = child;
    const door = await waitUntilReady(home, child);
    const log = new LogCheck();
    await readLog(door, log);
    const reached = (await readFile(witness, 'utf8')).split('\n').filter(Boolean);
    issues.push(...Object.values(log.issues(answered, reached)).flat());
    issues.push(...log.open().map((token) => `${token} has no end in the log`));
    return { answered: answered.size, inWords, otherwise, ...most, issues };
  } finally {
    await stdio?.close();
    if (bridge.child !== undefined && !hasEnded(bridge.child)) await stopBridge(bridge.child);
    await rm(cwd, { recursive: true, force: true });
  }
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      stops: { type: 'string', default: '10' },
      callers: { type: 'string', default: '16' },
      seconds: { type: 'string', default: '1' },
    },
  });
  const { issues, otherwise, ...figures } = await runStopTest({
    stops: Number(values.stops),
    callers: Number(values.callers),
    seconds: Number(values.seconds),
    report: (line) => console.log(line),
  });
  console.log({ ...figures, otherwise: otherwise.length });
  for (const issue of [...otherwise, ...issues]) console.error(issue);
  process.exitCode = issues.length + otherwise.length === 0 ? 0 : 1;
}
