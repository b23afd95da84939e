// Keeps account of the processes we started, so that none outlives the bridge, however it dies:
// a watchdog (a small shell whose stdin closes with us) kills the groups at once, and the next start
// sweeps whatever the file still names. `setpriv --pdeathsig` alone would miss grandchildren.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { spawn as nodeSpawn, type ChildProcess } from 'node:child_process';
import { dirname } from 'node:path';
import { z } from 'zod';
import { isLiving, readFolderMark, readGroup, readPidSpace, readProcess } from './process-facts.ts';
import { signalGroup } from './process-group.ts';

export interface ProcessLedger {
  /** Call right after the spawn; `pid` leads its own group. */
  add(pid: number): void;
  remove(pid: number): void;
  close(): void;
}

const ledgerSchema = z.object({
  space: z.string(),
  /** Where it was written: a home that was copied while it ran names processes of the original. */
  folder: z.string(),
  processes: z.array(z.object({ pid: z.number().int().positive(), startTime: z.number() })),
});

// Reads "add PID" and "remove PID"; at the end of its input it kills the groups that are left.
const WATCHDOG = `trap '' INT TERM HUP
pids=
while read -r verb pid; do
  rest=
  for p in $pids; do [ "$p" = "$pid" ] || rest="$rest $p"; done
  pids=$rest
  [ "$verb" = add ] && pids="$pids $pid"
done
for p in $pids; do kill -KILL -"$p" 2>/dev/null; done`;

export interface ProcessLedgerOptions {
  readonly pidFile: string;
  readonly spawn?: typeof nodeSpawn;
}

export function createProcessLedger({
  pidFile,
  spawn = nodeSpawn,
}: ProcessLedgerOptions): ProcessLedger {
  const startTimes = new Map<number, number>();
  const space = readPidSpace();
  const folder = readFolderMark(dirname(pidFile));
  let watchdog: ChildProcess | undefined;
  let closed = false;

  const write = (): void => {
    const processes = [...startTimes].map(([pid, startTime]) => ({ pid, startTime }));
    const partial = `${pidFile}.partial`;
    writeFileSync(partial, JSON.stringify({ space, folder, processes }), { mode: 0o600 });
    renameSync(partial, pidFile);
  };

  const startWatchdog = (): void => {
    if (process.platform === 'win32' || closed) return;
    const child = spawn('/bin/sh', ['-c', WATCHDOG], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { PATH: '/usr/bin:/bin' },
      cwd: '/',
      detached: true,
    });
    const forget = (): void => {
      if (watchdog === child) watchdog = undefined;
    };
    child.once('error', forget);
    child.once('exit', forget);
    child.stdin?.on('error', forget);
    child.unref();
    if (child.stdin !== null && 'unref' in child.stdin && typeof child.stdin.unref === 'function') {
      child.stdin.unref();
    }
    watchdog = child;
    for (const pid of startTimes.keys()) child.stdin?.write(`add ${pid}\n`);
  };

  return {
    add(pid) {
      startTimes.set(pid, readProcess(pid)?.startTime ?? 0);
      if (watchdog === undefined) startWatchdog();
      else watchdog.stdin?.write(`add ${pid}\n`);
      write();
    },
    remove(pid) {
      if (!startTimes.delete(pid)) return;
      watchdog?.stdin?.write(`remove ${pid}\n`);
      write();
    },
    close() {
      closed = true;
      watchdog?.stdin?.end();
      watchdog = undefined;
      if (startTimes.size === 0) rmSync(pidFile, { force: true });
    },
  };
}

/**
 * Kills what an earlier bridge of this home left running. Only processes that are truly the recorded
 * ones: same boot, container and home, same start time; or, where the leader is dead, members of its
 * group and session that are not older than it.
 * @returns the pids of the groups that were killed
 */
export function sweepOrphans(pidFile: string): number[] {
  const ledger = readLedger(pidFile);
  if (ledger === undefined) return [];
  const isOfHere =
    ledger.space === readPidSpace() && ledger.folder === readFolderMark(dirname(pidFile));
  const orphans = ledger.processes
    .filter(({ pid, startTime }) => isOfHere && isOurs(pid, startTime))
    .map(({ pid }) => pid);
  for (const pid of orphans) signalGroup(pid, 'SIGKILL');
  rmSync(pidFile, { force: true });
  return orphans;
}

function isOurs(pid: number, startTime: number): boolean {
  const leader = readProcess(pid);
  if (leader !== undefined && leader.startTime !== startTime) return false;
  if (isLiving(leader)) return leader.group === pid;
  const members = readGroup(pid) ?? [];
  return members.some((member) => member.session === pid && member.startTime >= startTime);
}

function readLedger(pidFile: string): z.infer<typeof ledgerSchema> | undefined {
  try {
    return ledgerSchema.parse(JSON.parse(readFileSync(pidFile, 'utf8')));
  } catch {
    // Missing, or cut off by a crash: nothing can be said of any process, so none is touched.
    return undefined;
  }
}
