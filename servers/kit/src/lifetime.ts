// When a server's process ends: with its client. A closed stdin is the usual sign; a parent killed
// where stdin stays open (another process holds the pipe) shows only in the parent's pid.

export interface LifetimeOptions {
  /** Ends what runs; the process exits when it is done, or after {@link GRACE_MS}. */
  close: () => Promise<void>;
  /** Whether the end of stdin and of the parent end the process too. */
  withParent: boolean;
}

/** Milliseconds that closing may take before the process exits regardless. */
const GRACE_MS = 700;
const PARENT_CHECK_MS = 250;

/** Ends the process on SIGTERM, SIGINT, SIGHUP and, if asked, with its parent. */
export function endWithParent({ close, withParent }: LifetimeOptions): void {
  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    const exit = (): never => process.exit(0);
    setTimeout(exit, GRACE_MS).unref();
    close().then(exit, exit);
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);
  if (!withParent) return;
  process.stdin.once('end', end);
  process.stdin.once('close', end);
  // Whoever reads the answers is gone.
  process.stdout.once('error', end);
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) end();
  }, PARENT_CHECK_MS).unref();
}
