// The run log as others see it; writer.ts makes one.
import type { RunLogStore } from '../store/run-log.ts';
import type { LogEvent } from './event-text.ts';
import type { RunEnd } from './log-batch.ts';
import type { LogOwner } from './log-owners.ts';
import type { NewRun } from './run-row.ts';

/** What a commit brought: the last seq of each run it touched. */
export type CommitListener = (runs: readonly { runId: string; lastSeq: number }[]) => void;

/** The log as calls write it that begin now. */
export interface CallLog {
  /**
   * As {@link RunLog.append}. The end of a call that cannot be written is owed, and written later. When the
   * bridge was taken for dead, others end the calls that began before, and nothing more of them is taken.
   */
  append(runId: string, event: LogEvent, owner?: LogOwner): Promise<number>;
}

export interface RunLog {
  /** Inserts the run and its `run.started`. */
  open(run: NewRun): Promise<{ id: string }>;
  /**
   * Resolves with the event's seq when it is committed. Appends of one run keep their order. Rejects
   * with `log/unavailable` (it is not in the log), `log/outcome_unknown` (it may be) or `run/unknown`.
   * @param owner who takes the turn, where this log may not know the run
   */
  append(runId: string, event: LogEvent, owner?: LogOwner): Promise<number>;
  calls(): CallLog;
  /**
   * Appends the run's last event; a run that has ended already stays as it is. While calls of the run are
   * under way, or their ends are owed, this is done after them, and not waited for.
   */
  end(runId: string, as: RunEnd, reason?: string): Promise<void>;
  /** Calls the listener after each commit; returns how to stop that. */
  onCommit(listener: CommitListener): () => void;
  /** Resolves when everything appended so far is settled. */
  flush(): Promise<void>;
  /** Resolves when whatever was written before is either there or will never be. Rejects with `log/unavailable`. */
  settle(): Promise<void>;
  /** Whether so much of an owner waits that only ends are taken. */
  isFull(ownerId: string): boolean;
  /** Whether ends are owed. */
  owes(): boolean;
  /** Resolves when events can be written, as far as is known; after a failure it is tried. Rejects with the reason. */
  check(): Promise<void>;
  /**
   * Goes on as another bridge, because this one was taken for dead. What waits is refused, and what is
   * owed forgotten: others end what the old one left open.
   */
  renew(as: { readonly bridgeId: string; readonly store: RunLogStore }): void;
  close(): Promise<void>;
}
