// How a command ends when it does not succeed: what is said on stderr, and the exit code.
import { DrawbridgeError, toMessage } from '../errors.ts';
import { issuesOf } from '../settings/issues.ts';

export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;
/** `start` only: another bridge holds the home. Whoever starts bridges in passing tells this from an issue. */
export const EXIT_LOCKED = 3;

/** A failure that is the command's own to tell, with a hint at what fixes it. */
export class CommandFailure extends Error {
  readonly exitCode: number;
  readonly hint: string | undefined;
  /** What `--json` prints beside the message. */
  readonly details: unknown;

  constructor(
    message: string,
    options: { exitCode?: number; hint?: string; details?: unknown; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CommandFailure';
    this.exitCode = options.exitCode ?? EXIT_FAILURE;
    this.hint = options.hint;
    this.details = options.details;
  }
}

export interface FailureReport {
  readonly exitCode: number;
  readonly message: string;
  readonly hint?: string;
  readonly details?: unknown;
}

export function toReport(error: unknown): FailureReport {
  if (error instanceof CommandFailure) {
    const { exitCode, message, hint, details } = error;
    return {
      exitCode,
      message,
      ...(hint !== undefined && { hint }),
      ...(details !== undefined && { details }),
    };
  }
  if (error instanceof DrawbridgeError) {
    const isSettings = error.code === 'settings/invalid';
    const isUsage = isSettings || error.code === 'home/foreign';
    return {
      exitCode: isUsage ? EXIT_USAGE : error.code === 'home/locked' ? EXIT_LOCKED : EXIT_FAILURE,
      message: error.message,
      details: { code: error.code, ...(isSettings && { issues: issuesOf(error) }) },
    };
  }
  return { exitCode: EXIT_FAILURE, message: toMessage(error) };
}
