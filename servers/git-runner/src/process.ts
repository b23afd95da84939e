// Runs a program in a process group of its own, for so long and with so much output as allowed. When it
// is stopped, everything that it started is stopped with it.
import { spawn } from 'node:child_process';
import type { Watchdog } from './watchdog.ts';

export interface ProcessOptions {
  cwd: string;
  env: Record<string, string>;
  input?: string | Buffer;
  /** Bytes of output after which it is stopped. */
  maxBytes: number;
  /** Milliseconds after which it is stopped. */
  timeout: number;
  signal: AbortSignal;
  watchdog: Watchdog;
  /** Takes the output instead of it being kept; false when there is enough. */
  take?: ((piece: Buffer) => boolean) | undefined;
  onMessage?: ((piece: string) => void) | undefined;
}

export interface ProcessOutput {
  code: number | undefined;
  stdout: Buffer;
  stderr: string;
  ended: 'itself' | 'enough' | 'timeout';
}

const MAX_STDERR = 16_384;
/** Milliseconds in which git may tidy up (lock files, half a clone) before it is killed. */
const GRACE_MS = 1_500;

function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch (error) {
    // It ended by itself.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

export function runProcess(
  program: string,
  args: readonly string[],
  { cwd, env, input, maxBytes, timeout, signal, watchdog, take, onMessage }: ProcessOptions,
): Promise<ProcessOutput> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const child = spawn(program, args, { cwd, env, detached: true, windowsHide: true });
    const { pid } = child;
    if (pid !== undefined) watchdog.watch(pid);
    let [ended, bytes, stderr]: [ProcessOutput['ended'], number, string] = ['itself', 0, ''];
    let failure: Error | undefined;
    let killer: NodeJS.Timeout | undefined;
    const pieces: Buffer[] = [];
    const stop = (): void => {
      if (killer !== undefined) return;
      killer = setTimeout(() => endGroup(pid, 'SIGKILL'), GRACE_MS);
      endGroup(pid, 'SIGTERM');
    };
    const timer = setTimeout(() => {
      ended = 'timeout';
      stop();
    }, timeout);
    const onAbort = (): void => stop();
    signal.addEventListener('abort', onAbort, { once: true });
    child.stdout.on('data', (piece: Buffer) => {
      if (ended !== 'itself' || failure !== undefined) return;
      bytes += piece.length;
      try {
        if (take === undefined) pieces.push(piece);
        if ((take?.(piece) ?? true) && bytes <= maxBytes) return;
        ended = 'enough';
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error));
      }
      stop();
    });
    child.stderr.on('data', (piece: Buffer) => {
      onMessage?.(piece.toString());
      if (stderr.length < MAX_STDERR) stderr += piece.toString();
    });
    // It may end without reading its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
    const settle = (): void => {
      clearTimeout(timer);
      clearTimeout(killer);
      signal.removeEventListener('abort', onAbort);
    };
    child.once('error', (error) => {
      settle();
      reject(error);
    });
    child.once('close', (code) => {
      settle();
      if (pid !== undefined) {
        // What it left behind would hold on to the repository.
        endGroup(pid, 'SIGKILL');
        watchdog.forget(pid);
      }
      if (signal.aborted) reject(signal.reason);
      else if (failure !== undefined) reject(failure);
      else
        resolve({
          code: code ?? undefined,
          stdout: Buffer.concat(pieces),
          stderr: stderr.slice(0, MAX_STDERR),
          ended,
        });
    });
  });
}
