// What an attack is. It runs in a process of its own, asks the bridge as somebody outside would, and
// counts what it was answered, so that a reader sees what the bridge did with it.

export interface AttackContext {
  /** Where the bridge listens. */
  readonly url: string;
  /** A member's, who is not the quiet caller. */
  readonly key: string;
  /** To make and revoke keys with; no attack is made with it. */
  readonly operatorKey: string;
  /** Aborted when the time is over. `run` resolves soon after. */
  readonly signal: AbortSignal;
  readonly count: (what: string, times?: number) => void;
}

/** What the server behind `hostile__…` does; see hostile-server.mjs. */
export type HostileMode = 'flap' | 'pages' | 'entries' | 'message' | 'noise' | 'tools';

export interface Attack {
  readonly name: string;
  /** One sentence: what it does. */
  readonly does: string;
  /** The bridge gets a server of this kind too, under the name `hostile`. */
  readonly hostile?: HostileMode;
  /** The bridge is ended with SIGKILL in the middle of it, and the next start has to succeed. */
  readonly endsWithKill?: boolean;
  run(context: AttackContext): Promise<void>;
}
