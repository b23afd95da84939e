// Runs ripgrep: never through a shell, never with a caller's text where an option could stand, with no
// configuration of the user, and never for longer than the time limit or the caller's timeout.
import { spawn } from 'node:child_process';
import { ToolError, type CallContext } from '@drawbridge/kit';
import { toPrintable } from './shown.ts';

export interface RipgrepRun {
  /** Folder to run in. */
  cwd?: string;
  /** Descriptor to search instead of folders. */
  stdin?: number;
  /** Descriptors that it has as its own, from 3 on. */
  descriptors?: readonly number[];
  /** When the time limit began to run, by `performance.now()`; now, unless given. */
  begun?: number;
  signal: AbortSignal;
  /** Told once a second how much of the time limit has passed, in seconds. */
  progress?: CallContext['progress'];
  /** Takes a piece of the output; false when there is enough. */
  take(piece: Buffer): boolean;
}

/** @throws ToolError for a pattern that ripgrep refuses, and when time runs out. */
export type Ripgrep = (args: readonly string[], run: RipgrepRun) => Promise<void>;

export const TIME_LIMIT_MS = 20_000;
const SECOND_MS = 1_000;
const MAX_STDERR = 2_000;

/** `timeLimit` in milliseconds, for each run. */
export function createRipgrep(timeLimit: number = TIME_LIMIT_MS): Ripgrep {
  let located: Promise<string> | undefined;
  return async (args, run) => {
    // Looks its binary up when imported, which only a search should cost.
    located ??= import('@vscode/ripgrep').then(({ rgPath }) => rgPath);
    await runProgram(await located, args, { ...run, timeLimit });
  };
}

function runProgram(
  program: string,
  args: readonly string[],
  {
    cwd,
    stdin,
    descriptors = [],
    begun = performance.now(),
    signal,
    progress,
    timeLimit,
    take,
  }: RipgrepRun & { timeLimit: number },
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    signal.throwIfAborted();
    // Without messages about files: their names need not be inside.
    const child = spawn(program, ['--no-config', '--no-messages', ...args], {
      ...(cwd !== undefined && { cwd }),
      env: {},
      stdio: [stdin ?? 'ignore', 'pipe', 'pipe', ...descriptors],
      windowsHide: true,
    });
    let [enough, timedOut, complaint] = [false, false, ''];
    const kill = (): void => void child.kill('SIGKILL');
    let seconds = 0;
    const beat = setInterval(() => {
      seconds += 1;
      progress?.(seconds, timeLimit / SECOND_MS, 'searching').catch(reject);
    }, SECOND_MS);
    const timer = setTimeout(
      () => {
        timedOut = true;
        kill();
      },
      timeLimit - (performance.now() - begun),
    );
    signal.addEventListener('abort', kill, { once: true });
    child.stdout?.on('data', (piece: Buffer) => {
      if (enough) return;
      try {
        enough = !take(piece);
      } catch (error) {
        enough = true;
        reject(error);
      }
      if (enough) kill();
    });
    child.stderr?.on('data', (piece: Buffer) => {
      if (complaint.length < MAX_STDERR) complaint += piece.toString();
    });
    child.once('error', reject);
    child.once('close', (code, endedBy) => {
      clearTimeout(timer);
      clearInterval(beat);
      signal.removeEventListener('abort', kill);
      if (signal.aborted) reject(signal.reason);
      else if (timedOut) {
        reject(
          new ToolError(`The search took longer than ${timeLimit / SECOND_MS} s and was stopped.`, {
            hint: 'a narrower path or glob, or a simpler pattern',
          }),
        );
      } else if (!enough && code === 2 && complaint !== '') {
        const words = toPrintable(complaint.slice(0, MAX_STDERR).trim());
        reject(
          new ToolError(`The pattern was refused.\n${words}`, {
            hint: 'literal: true to search for the text as it stands',
          }),
        );
      } else if (!enough && endedBy !== null) {
        reject(
          new ToolError(`The search ended before it was done (${endedBy}).`, {
            hint: 'the same call again, or a narrower path',
          }),
        );
        // Single files that could not be read are passed over; the rest still counts.
      } else resolve();
    });
  });
}

/** Splits output at a byte, across pieces. What follows the last separator is no record. */
export function createSplitter(separator: number, each: (record: Buffer) => boolean) {
  let rest: Buffer = Buffer.alloc(0);
  return {
    take(piece: Buffer): boolean {
      const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
      let from = 0;
      for (let at = bytes.indexOf(separator); at >= 0; at = bytes.indexOf(separator, from)) {
        if (!each(bytes.subarray(from, at))) return false;
        from = at + 1;
      }
      rest = bytes.subarray(from);
      return true;
    },
  };
}
