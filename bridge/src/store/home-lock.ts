// One bridge per home. `bridge.json` names the bridge that has it and, once it listens, its URL, for
// `drawbridge stdio` and the command line. It needs no cleaning after kill -9: a holder is believed
// only while a process lives with the same number and the same time of start. Bridges in containers
// that share a folder don't see each other's processes, so they must not share a home.
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { DrawbridgeError, isSystemError, toMessage } from '../errors.ts';
import { isAlive, readStartMark } from './process-identity.ts';

const holderSchema = z.object({
  pid: z.number().int().positive(),
  startMark: z.string(),
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

/** A turn takes less than a millisecond; one that is older was left by a process killed within it. */
const TURN_MS = 5_000;

/** Makes the home when it is missing. Rejects with `home/locked` when a bridge runs in it. */
export async function lockHome(
  home: string,
  { isBackground = false }: { readonly isBackground?: boolean } = {},
): Promise<HomeLock> {
  const own: Holder = {
    pid: process.pid,
    startMark: readStartMark(process.pid),
    startedAt: new Date().toISOString(),
    ...(isBackground && { isBackground }),
  };
  try {
    await mkdir(home, { recursive: true, mode: 0o700 });
    await takeTurn(home, () => {
      const holder = readHolder(home);
      if (holder !== undefined) throw toLocked(home, holder);
      writeHolder(home, own);
    });
  } catch (error) {
    if (error instanceof DrawbridgeError) throw error;
    throw new DrawbridgeError(
      'store/start_failed',
      `${home} cannot be written (${toMessage(error)}). Set DRAWBRIDGE_HOME to a folder that can.`,
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
      rmSync(join(home, 'bridge.json'), { force: true });
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

/** Runs `work`, which must not wait for anything, while no other process does so for this home. */
async function takeTurn(home: string, work: () => void): Promise<void> {
  const turn = join(home, 'bridge.lock');
  for (;;) {
    try {
      mkdirSync(turn);
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw error;
      const { mtimeMs } = statSync(turn, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
      if (Date.now() - mtimeMs > TURN_MS) rmSync(turn, { recursive: true, force: true });
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

function readHolder(home: string): Holder | undefined {
  let text: string;
  try {
    text = readFileSync(join(home, 'bridge.json'), 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
  const { success, data } = holderSchema.safeParse(parseJson(text));
  return success && isAlive(data.pid) && readStartMark(data.pid) === data.startMark
    ? data
    : undefined;
}

/** Undefined for what a full disk or a hand left there: no bridge wrote it. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function writeHolder(home: string, holder: Holder): void {
  const path = join(home, 'bridge.json');
  writeFileSync(`${path}.new`, `${JSON.stringify(holder, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function toLocked(home: string, { pid, url }: Holder): DrawbridgeError {
  const where = url === undefined ? `pid ${pid}` : `pid ${pid}, ${url}`;
  return new DrawbridgeError(
    'home/locked',
    `A bridge (${where}) already runs in ${home}. Use that one or stop it, or give this one a home of its own with DRAWBRIDGE_HOME.`,
    { details: { pid, ...(url !== undefined && { url }) } },
  );
}
