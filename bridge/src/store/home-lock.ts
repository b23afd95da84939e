// One bridge per home: the kernel's lock on the file `lock`, which ends with its bridge however that ends and
// holds over all containers of a machine. `bridge.json` names the bridge that has the home and, once it
// listens, its URL, for `drawbridge stdio` and the command line. It needs no cleaning after kill -9: a
// holder is believed only in the very folder it was written to, while a process lives with the same number
// and the same time of start. Where there is no such lock, that alone decides.
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { parseJson } from '../parse-json.ts';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { DrawbridgeError, isSystemError, toMessage } from '../errors.ts';
import { isAlive, readBootId, readFolderMark, readPidSpace } from '../processes/process-facts.ts';
import { type FileLock, tryLock } from './file-lock.ts';
import { readStartMark } from '../processes/process-identity.ts';

const holderSchema = z.object({
  pid: z.number().int().positive(),
  startMark: z.string(),
  /** See readPidSpace and readFolderMark. */
  space: z.string().optional(),
  folder: z.string().optional(),
  startedAt: z.iso.datetime(),
  url: z.string().optional(),
  isBackground: z.boolean().optional(),
});
type Holder = z.infer<typeof holderSchema>;

export interface RunningBridge {
  readonly pid: number;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Missing until the bridge listens. */
  readonly url?: string;
  /** Started for a client in passing: it gives way to one that a person starts. */
  readonly isBackground?: boolean;
}

export interface HomeLock {
  /** Tells others where the bridge listens. */
  announce(at: { readonly url: string }): void;
  release(): void;
}

/** A turn takes less than a millisecond; one that lasts this long was left by a process killed within it. */
const TURN_MS = 5_000;
/** A bridge that was just killed may hold its home a little longer. */
const DYING_MS = 1_000;
/** One that is not seen may be dying, or about to write who it is. */
const UNSEEN_MS = 5_000;
const POLL_MS = 25;

/** Makes the home when it is missing. Rejects with `home/locked` when a bridge runs in it. */
export async function lockHome(
  home: string,
  { isBackground = false }: { readonly isBackground?: boolean } = {},
): Promise<HomeLock> {
  let own: Holder;
  let lock: FileLock | undefined;
  try {
    await mkdir(home, { recursive: true, mode: 0o700 });
    own = {
      pid: process.pid,
      startMark: readStartMark(process.pid),
      space: readPidSpace(),
      folder: readFolderMark(home),
      startedAt: new Date().toISOString(),
      ...(isBackground && { isBackground }),
    };
    lock = await takeHome(home, own);
  } catch (error) {
    if (error instanceof DrawbridgeError) throw error;
    const isFull = isSystemError(error, 'ENOSPC', 'EDQUOT');
    throw new DrawbridgeError(
      'store/start_failed',
      isFull
        ? `The disk that holds ${home} is full, or its quota used up: free some space.`
        : `${home} cannot be written (${toMessage(error)}). Set DRAWBRIDGE_HOME to a folder that can.`,
      { cause: error },
    );
  }
  let released = false;
  return {
    announce({ url }) {
      if (!released) writeHolder(home, { ...own, url });
    },
    release() {
      if (released) return;
      released = true;
      try {
        rmSync(join(home, 'bridge.json'), { force: true });
      } finally {
        lock?.release();
      }
    },
  };
}

/** The bridge that runs in a home, if one does. */
export function readRunningBridge(home: string): RunningBridge | undefined {
  const holder = readHolder(home);
  if (holder === undefined) return undefined;
  const { pid, startedAt, url, isBackground } = holder;
  return {
    pid,
    startedAt,
    ...(isBackground === true && { isBackground }),
    ...(url !== undefined && { url }),
  };
}

/** Waits for a holder that is dying; undefined where the kernel keeps no lock. */
async function takeHome(home: string, own: Holder): Promise<FileLock | undefined> {
  const begin = performance.now();
  for (;;) {
    const holder = readHolder(home);
    const lock = holder === undefined ? tryLock(join(home, 'lock')) : 'held';
    if (lock === 'unknown') {
      await takeTurn(home, () => takeUnlocked(home, own));
      return undefined;
    }
    if (lock !== 'held') {
      try {
        writeHolder(home, own);
        return lock;
      } catch (error) {
        lock.release();
        throw error;
      }
    }
    if (performance.now() - begin > (holder === undefined ? UNSEEN_MS : DYING_MS)) {
      throw toLocked(home, holder);
    }
    await delay(POLL_MS);
  }
}

/** Without the kernel's lock, only a holder that can be seen to be dead gives way. */
function takeUnlocked(home: string, own: Holder): void {
  const holder = readHolder(home);
  if (holder !== undefined) throw toLocked(home, holder);
  const former = parseHolder(home);
  const isHidden =
    former?.space !== undefined &&
    former.folder === own.folder &&
    former.space !== own.space &&
    former.space.startsWith(readBootId());
  if (isHidden) {
    throw new DrawbridgeError(
      'home/locked',
      `A bridge of another container (pid ${former.pid} there) may still run in ${home}, and this system has no \`flock\` to find out. Install util-linux, or stop that container and remove ${join(home, 'bridge.json')}.`,
    );
  }
  writeHolder(home, own);
}

/** Runs `work`, which must not wait for anything, while no other process does so for this home. */
async function takeTurn(home: string, work: () => void): Promise<void> {
  const turn = join(home, 'bridge.lock');
  // How long it lasts is watched, because its date may lie in the future: clocks are set back.
  let seen = { mtimeMs: 0, since: 0 };
  for (;;) {
    try {
      mkdirSync(turn);
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw error;
      const mtimeMs = statSync(turn, { throwIfNoEntry: false })?.mtimeMs ?? 0;
      if (mtimeMs !== seen.mtimeMs) seen = { mtimeMs, since: performance.now() };
      if (performance.now() - seen.since > TURN_MS) rmSync(turn, { recursive: true, force: true });
      else await delay(5);
      continue;
    }
    try {
      work();
    } finally {
      rmdirSync(turn);
    }
    return;
  }
}

/** Who runs in the home, as far as this process sees. */
function readHolder(home: string): Holder | undefined {
  const holder = parseHolder(home);
  if (holder === undefined) return undefined;
  const { pid, startMark, space = readPidSpace(), folder = readFolderMark(home) } = holder;
  const isHere = space === readPidSpace() && folder === readFolderMark(home);
  return isHere && isAlive(pid) && readStartMark(pid) === startMark ? holder : undefined;
}

function parseHolder(home: string): Holder | undefined {
  let text: string;
  try {
    text = readFileSync(join(home, 'bridge.json'), 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
  // What a full disk or a hand left there was written by no bridge.
  return holderSchema.safeParse(parseJson(text)).data;
}

function writeHolder(home: string, holder: Holder): void {
  const path = join(home, 'bridge.json');
  const draft = `${path}.new`;
  try {
    writeFileSync(draft, `${JSON.stringify(holder, undefined, 2)}\n`, { mode: 0o600 });
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** `holder` is undefined for one that this process does not see. */
function toLocked(home: string, holder: Holder | undefined): DrawbridgeError {
  if (holder === undefined) {
    return new DrawbridgeError(
      'home/locked',
      `A bridge that cannot be seen from here, as in another container, runs in ${home}. Stop it, or give this one a home of its own with DRAWBRIDGE_HOME.`,
    );
  }
  const { pid, url } = holder;
  const where = url === undefined ? `pid ${pid}` : `pid ${pid}, ${url}`;
  return new DrawbridgeError(
    'home/locked',
    `A bridge (${where}) already runs in ${home}. Use that one or stop it, or give this one a home of its own with DRAWBRIDGE_HOME.`,
    { details: { pid, ...(url !== undefined && { url }) } },
  );
}
