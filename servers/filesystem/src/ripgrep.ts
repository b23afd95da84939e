// Runs ripgrep: never through a shell, never with a caller's text where an option could stand, with no
// configuration of the user, and never for longer than the time limit or the caller's patience.
import { spawn } from 'node:child_process';
import { ToolError, type CallContext } from '@drawbridge/kit';

export interface RipgrepRun {
  /** Folder to run in. */
  cwd?: string;
  /** Descriptor to search instead of folders. */
  stdin?: number;
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
const MOST_STDERR = 2_000;

/** `timeLimit` in milliseconds, for each run. */
export const createRipgrep = (timeLimit: number = TIME_LIMIT_MS): Ripgrep => {
  let located: Promise<string> | undefined;
  return async (args, run) => {
    // Looks its binary up when imported, which only a search should cost.
    located ??= import('@vscode/ripgrep').then(({ rgPath }) => rgPath);
    await runProgram(await located, args, { ...run, timeLimit });
  };
};

const runProgram = (
  program: string,
  args: readonly string[],
  { cwd, stdin, signal, progress, timeLimit, take }: RipgrepRun & { timeLimit: number },
): Promise<void> =>
  new Promise<void>((resolve, reject) => {
    signal.throwIfAborted();
    const child = spawn(program, ['--no-config', ...args], {
      ...(cwd !== undefined && { cwd }),
      env: {},
      stdio: [stdin ?? 'ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    let [enough, timedOut, complaint] = [false, false, ''];
    const kill = (): void => void child.kill('SIGKILL');
    let seconds = 0;
    const beat = setInterval(() => {
      seconds += 1;
      progress?.(seconds, timeLimit / SECOND_MS, 'searching').catch(reject);
    }, SECOND_MS);
    const timer = setTimeout(() => {
      timedOut = true;
      kill();
    }, timeLimit);
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
      if (complaint.length < MOST_STDERR) complaint += piece.toString();
    });
    child.once('error', reject);
    child.once('close', (code) => {
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
      } else if (!enough && code === 2 && /regex|pattern|glob/i.test(complaint)) {
        reject(
          new ToolError(`The pattern was refused.\n${complaint.slice(0, MOST_STDERR).trim()}`, {
            hint: 'literal: true to search for the text as it stands',
          }),
        );
        // Other complaints are about single files that could not be read; the rest still counts.
      } else resolve();
    });
  });

/** Splits output at a byte, across pieces. What follows the last separator is no record. */
export const createSplitter = (separator: number, each: (record: Buffer) => boolean) => {
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
};
