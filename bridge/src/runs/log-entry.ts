// An event on its way into the log, and what it means for its call and its run.
import type { RunRow } from '../store/run-batch.ts';
import type { EventText, LogEvent } from './event-text.ts';
import type { RunEnd } from './log-batch.ts';

/** An event that was taken. */
export interface Waiting {
  readonly runId: string;
  readonly owner: string;
  readonly open: RunRow | undefined;
  readonly end: RunEnd | undefined;
  /** The id of the call that this starts, or ends. */
  readonly starts: string | undefined;
  readonly ends: string | undefined;
  /** How often this log was renewed before. */
  readonly term: number;
  /** By the monotonic clock. */
  readonly until: number;
  /** What it takes of its owner's backlog. */
  readonly bytes: number;
  readonly release: (() => void) | undefined;
  readonly resolve: (seq: number) => void;
  readonly reject: (error: unknown) => void;
}

/** With its text, it can be written. */
export type Entry = Waiting & {
  readonly event: EventText;
  /** Whether its caller was told while its commit was under way. */
  isLate: boolean;
};
/** It may have failed before that. */
export type Failed = Waiting & { readonly event?: EventText };

/** The id of the call that an event ends; one that is denied did not begin. */
export function toEndedCall(event: LogEvent): string | undefined {
  switch (event.type) {
    case 'call.completed':
    case 'call.failed':
    case 'call.cancelled':
    case 'call.input_required':
      return event.payload.callId;
    default:
      return undefined;
  }
}

/** What ends a call or a run is taken even when too much waits: it ends what was taken before. */
export function isEnd(event: LogEvent): boolean {
  return toEndedCall(event) !== undefined || isRunEnd(event);
}

export function isRunEnd({ type }: { readonly type: string }): boolean {
  return type === 'run.completed' || type === 'run.failed' || type === 'run.cancelled';
}
