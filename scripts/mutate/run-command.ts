// One command with all that it starts: it ends as a whole, by itself, after its time, or with the signal.
import { spawn } from 'node:child_process';

export interface CommandOptions {
  readonly cwd: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface CommandEnd {
  /** Undefined where it was ended before. */
  readonly code: number | undefined;
  /** The end of what it wrote. */
  readonly output: string;
}

const OUTPUT_CHARACTERS = 200_000;
/** To take down what it started. */
const GRACE_MS = 10_000;

/** Rejects with the signal's reason. */
export async function runCommand(
  args: readonly string[],
  { cwd, timeoutMs, signal }: CommandOptions,
): Promise<CommandEnd> {
  signal.throwIfAborted();
  // A group of its own: Ctrl-C in the terminal is ours to pass on, and nothing of it is left behind.
  const child = spawn(process.execPath, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, NO_COLOR: '1' },
  });
  const { pid } = child;
  let output = '';
  const onData = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-OUTPUT_CHARACTERS);
  };
  child.stdout.on('data', onData);
  child.stderr.on('data', onData);

  let isStopped = false;
  let killing: NodeJS.Timeout | undefined;
  const stop = (): void => {
    isStopped = true;
    child.kill('SIGTERM');
    killing ??= setTimeout(() => endGroup(pid), GRACE_MS);
  };
  const timer = setTimeout(stop, timeoutMs);
  signal.addEventListener('abort', stop, { once: true });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      // Not `close`: what it left behind may hold its pipes.
      child.once('exit', resolve);
    });
    signal.throwIfAborted();
    return { code: isStopped ? undefined : (code ?? undefined), output };
  } finally {
    clearTimeout(timer);
    clearTimeout(killing);
    signal.removeEventListener('abort', stop);
    endGroup(pid);
  }
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // Nobody of it is left.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // kill throws nothing else
  }
}
