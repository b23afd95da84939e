// The bridge's one error class. The code says which area refused and why; each front maps the codes
// to its own wire once, in one exhaustive switch (edge/problem.ts, edge/rpc-error.ts), so a new code cannot be missed.

export type DrawbridgeErrorCode =
  | 'bridge/stopping'
  | 'bridge/outcome_unknown'
  | 'settings/invalid'
  | 'home/locked'
  | 'home/foreign'
  | 'store/unavailable'
  | 'store/start_failed'
  | 'log/unavailable'
  | 'log/outcome_unknown'
  | 'upstream/unknown'
  | 'upstream/unavailable'
  | 'upstream/start_failed'
  | 'upstream/timeout'
  | 'upstream/crashed'
  | 'upstream/protocol'
  | 'upstream/too_large'
  | 'upstream/busy'
  | 'upstream/outcome_unknown'
  | 'catalog/unknown_tool'
  | 'catalog/unknown_prompt'
  | 'catalog/unknown_resource'
  | 'catalog/withheld'
  | 'policy/denied'
  | 'policy/limit'
  | 'auth/missing'
  | 'auth/invalid'
  | 'auth/forbidden'
  | 'session/unknown'
  | 'run/unknown'
  | 'run/pruned'
  | 'artifact/unknown'
  | 'request/invalid'
  | 'request/not_found'
  | 'request/too_large'
  | 'request/conflict'
  | 'request/timeout'
  | 'request/busy'
  | 'call/cancelled';

interface IssueDetails {
  readonly path: string;
  readonly message: string;
}

/** What errors of some codes tell besides their message; the others tell nothing. */
export interface ErrorDetails {
  readonly 'settings/invalid': readonly IssueDetails[];
  readonly 'request/invalid': readonly IssueDetails[];
  /** What the log has of the call of an Idempotency-Key. */
  readonly 'request/conflict': { readonly runId: string; readonly logged: string };
  readonly 'home/locked': { readonly pid: number; readonly url?: string };
  /** `told`: the message for anybody, where the error's own is for operators. */
  readonly 'upstream/start_failed': { readonly told: string; readonly stderr: string };
  readonly 'upstream/unavailable': { readonly told: string };
}

export type DetailsOf<Code extends DrawbridgeErrorCode> = Code extends keyof ErrorDetails
  ? ErrorDetails[Code]
  : undefined;

/** `details` is safe to show to the caller; `cause` is for the log only. */
export class DrawbridgeError<Code extends DrawbridgeErrorCode = DrawbridgeErrorCode> extends Error {
  readonly code: Code;
  readonly details: DetailsOf<Code> | undefined;

  constructor(
    code: Code,
    message: string,
    options: { cause?: unknown; details?: DetailsOf<Code> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DrawbridgeError';
    this.code = code;
    this.details = options.details;
  }
}

/** Whether it is one of our errors, with this code. */
export function hasCode<Code extends DrawbridgeErrorCode>(
  error: unknown,
  code: Code,
): error is DrawbridgeError<Code> {
  return error instanceof DrawbridgeError && error.code === code;
}

/** Whether the system refused with one of these codes, such as `ENOENT`. */
export function isSystemError(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** The message of anything thrown, for a log line or a wrapping error. */
export function toMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The message of one of our errors, for anybody who asks the bridge. What the store says of its trouble
 * may name folders of the operator; then it is for the log.
 */
export function toPublicMessage({ code, message }: DrawbridgeError): string {
  const isOfStore = code.startsWith('store/') || code.startsWith('log/');
  return isOfStore && hasPath(message) ? AWAY : message;
}

/** Whether text names a file or folder. */
export function hasPath(text: string): boolean {
  return /[\\/]/.test(text);
}

/** What callers hear of an error that is not the bridge's own. */
export const FAILED = 'The bridge failed; its log says why.';
export const AWAY = 'The database is away; the log of the bridge says why.';

/** The bridge's own error in what was thrown or in its causes; libraries wrap what they pass on. */
export function findDrawbridgeError(error: unknown): DrawbridgeError | undefined {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    if (inner instanceof DrawbridgeError) return inner;
  }
  return undefined;
}
