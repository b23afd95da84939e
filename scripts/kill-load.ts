// What the kill tests have in common: a folder with two servers, and callers that call until the bridge is
// gone, each call with a text of its own.
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Door, projectRoot } from './bridge-process.ts';
import { connectLegacy, connectModern } from './sdk-clients.ts';

export interface KillTestOptions {
  readonly rounds: number;
  readonly callers: number;
  /** How long a round's load lasts before the kill, at most. */
  readonly seconds: number;
  readonly report?: (line: string) => void;
}

export interface KillFolder {
  readonly folder: string;
  readonly home: string;
  /** Where the witness server writes the texts of the calls that reach it. */
  readonly witness: string;
}

export async function makeFolder(): Promise<KillFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'drawbridge-kill-'));
  const witness = join(folder, 'witness.txt');
  await writeFile(witness, '');
  await writeFile(
    join(folder, 'mcp.config.json'),
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
  return { folder, home: join(folder, 'home'), witness };
}

export interface Caller {
  readonly door: Door;
  readonly folder: string;
  readonly name: string;
  readonly isModern: boolean;
  readonly answered: Set<string>;
}

/** A legacy client waits for the answer of a stream that broke off until its own timeout. */
const CALL_TIMEOUT_MS = 5_000;

/** One caller: writes and reads in turn, each call with a text of its own, until the bridge is gone. */
export async function callUntil(
  signal: AbortSignal,
  { door, folder, name, isModern, answered }: Caller,
): Promise<void> {
  const options = { timeout: CALL_TIMEOUT_MS };
  try {
    const client = await (isModern ? connectModern(door) : connectLegacy(door));
    for (let count = 0; !signal.aborted; count += 1) {
      const text = `${name}.${count}`;
      await (count % 2 === 0
        ? client.call('witness__note', { text }, options)
        : client.call('filesystem__info', { path: join(folder, text) }, options));
      answered.add(text);
    }
  } catch (error) {
    if (!signal.aborted && !(error instanceof Error)) throw error;
    // The bridge was killed under this caller: a call without an answer proves nothing.
  }
}
