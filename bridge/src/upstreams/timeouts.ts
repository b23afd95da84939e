// How long the bridge waits for a server that says nothing. In one place, so that tests can wait less.

export interface Timeouts {
  /** For the era probe of a stdio server that nothing is known of, in milliseconds. */
  readonly probeMs: number;
  /** For the answer to a health check, after suspicion. */
  readonly checkMs: number;
  /** Between health checks of a remote server, which gives no sign when it dies. */
  readonly remoteCheckMs: number;
  /** Before each harsher step when a process is stopped: stdin closes, SIGTERM, SIGKILL. */
  readonly stopMs: number;
}

export const defaultTimeouts: Timeouts = {
  probeMs: 3_000,
  checkMs: 5_000,
  remoteCheckMs: 30_000,
  stopMs: 2_000,
};
