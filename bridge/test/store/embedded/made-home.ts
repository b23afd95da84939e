// A home with a database that was made before, for tests of how the embedded PostgreSQL starts in it, and
// what such a test does to it. Each test gets a copy of its own.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, vi } from 'vitest';
import { listPostgresOf } from '../../../src/processes/process-identity.ts';
import { findAccount } from '../../../src/store/embedded/account.ts';
import { createEmbeddedServer } from '../../../src/store/embedded/server.ts';

export const logger = pino({ level: 'silent' });
export const run = promisify(execFile);
export const isRoot = process.getuid?.() === 0;
export const isLinux = process.platform === 'linux';
/** The program of a bridge as far as the store goes; its argument is the home. */
export const ownerScript = resolve(import.meta.dirname, '../owner-process.ts');
export const bridgeFolder = resolve(import.meta.dirname, '../../..');

export interface MadeHome {
  home: string;
  /** Its data folder. */
  data: string;
}

/** What it returns is set anew before each test of the file. */
export function useMadeHome(): MadeHome {
  const made: MadeHome = { home: '', data: '' };
  let temporary: string;
  let first: string;

  beforeAll(async () => {
    // Of one test file alone, as it counts the socket folders in it; PostgreSQL's account must reach it.
    temporary = await mkdtemp('/tmp/drawbridge-');
    await chmod(temporary, 0o1777);
    vi.stubEnv('TMPDIR', temporary);
    first = await mkdtemp(join(tmpdir(), 'drawbridge-test-made-'));
    await (await createEmbeddedServer({ home: first, logger, fsync: false })).close();
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(temporary, { recursive: true, force: true });
  });

  beforeEach(async () => {
    made.home = await mkdtemp(join(tmpdir(), 'drawbridge-test-left-'));
    made.data = join(made.home, 'postgres', 'data');
    await run('cp', ['-a', join(first, 'postgres'), made.home]);
  });

  afterEach(async () => {
    await until(() => listPostgresOf(made.data).length === 0);
    await rm(made.home, { recursive: true, force: true });
  });

  return made;
}

export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await delay(10);
}

/** Starts, asks one question, stops. */
export async function startAndStop(home: string): Promise<string> {
  const server = await createEmbeddedServer({ home, logger, fsync: false });
  try {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await client.end();
    return 'answered';
  } finally {
    await server.close();
  }
}

/** A file in the data folder as PostgreSQL's own account would have left it. */
export async function leave(data: string, name: string, text: string): Promise<void> {
  const account = await findAccount(data);
  await writeFile(join(data, name), text, { mode: 0o600 });
  if (account !== undefined) await chown(join(data, name), account.uid, account.gid);
}

/** A bridge as far as the store goes, in a process group of its own. */
export async function startOwner(
  home: string,
  wrapper: readonly string[] = [],
): Promise<{ owner: ChildProcess; said: Record<string, unknown> }> {
  const [program = '', ...args] = [
    ...wrapper,
    process.execPath,
    '--import',
    'tsx',
    ownerScript,
    home,
  ];
  const owner = spawn(program, args, {
    cwd: bridgeFolder,
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  onTestFinished(() => kill(owner));
  const [line] = await once(createInterface({ input: owner.stdout }), 'line');
  return { owner, said: JSON.parse(String(line)) };
}

export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
