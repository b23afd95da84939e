// Runs a command as a shell would, in this process, and keeps what it printed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, onTestFinished } from 'vitest';
import { main } from '../../src/cli/main.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly stdin?: string;
  readonly signal?: AbortSignal;
  /** Sees each piece that is written to stdout. */
  readonly onOutput?: (text: string) => void;
}

/** Stands for this user's state folder, for all commands of one test file. */
export const userState = mkdtempSync(join(tmpdir(), 'drawbridge-state-'));
afterAll(() => rmSync(userState, { recursive: true, force: true }));

export async function runCommand(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  const code = await main(argv, {
    env: { XDG_STATE_HOME: userState, ...options.env },
    cwd: options.cwd ?? createFolder(),
    stdin: Readable.from([Buffer.from(options.stdin ?? '')]),
    stdout: {
      write: (text) => {
        stdout += text;
        options.onOutput?.(text);
      },
    },
    stderr: {
      write: (text) => {
        stderr += text;
      },
    },
    signal: options.signal ?? new AbortController().signal,
  });
  return { code, stdout, stderr };
}

/** A folder that is gone after the test. */
export function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
