// Whose events wait for the log, and how much of each. Memory is bounded by owner: one that brings more
// than the disk takes is refused, and nobody else is.
import { toHeapShare } from '../flow/heap-room.ts';

/** Who a run belongs to. */
export interface LogOwner {
  /** The principal's id. */
  readonly id: string;
  readonly tenantId: string;
}

interface KnownRun {
  readonly owner: LogOwner | undefined;
  waiting: number;
  /** Calls under way that began here. */
  calls: number;
}

interface Backlog {
  events: number;
  bytes: number;
}

const OWNER_EVENTS = toHeapShare(20_000);
const OWNER_BYTES = toHeapShare(64 * 1024 * 1024);
const ALL_BYTES = toHeapShare(192 * 1024 * 1024);
const MAX_RUNS = 10_000;
/** Kept without events, so that a busy owner's is not made anew with each batch. */
const MAX_BACKLOGS = 10_000;

export class LogOwners {
  readonly #runs = new Map<string, KnownRun>();
  readonly #backlogs = new Map<string, Backlog>();
  #bytes = 0;

  /** The owner of a run: the one it was opened with, else the one given with its events. */
  find(runId: string, given: LogOwner | undefined): LogOwner | undefined {
    const known = this.#runs.get(runId);
    if (known !== undefined) return known.owner;
    this.#forgetOldest();
    this.#runs.set(runId, { owner: given, waiting: 0, calls: 0 });
    return given;
  }

  /** The run is known by then. */
  beginCall(runId: string): void {
    const run = this.#runs.get(runId);
    if (run !== undefined) run.calls += 1;
  }

  endCall(runId: string): void {
    const run = this.#runs.get(runId);
    if (run !== undefined && run.calls > 0) run.calls -= 1;
  }

  hasCalls(runId: string): boolean {
    return (this.#runs.get(runId)?.calls ?? 0) > 0;
  }

  /** Others end the calls that are under way. */
  forgetCalls(): void {
    for (const run of this.#runs.values()) run.calls = 0;
  }

  /** Whether no more of this owner may wait. */
  isFull(id: string): boolean {
    const backlog = this.#backlogs.get(id);
    if (backlog === undefined) return false;
    return (
      backlog.events >= OWNER_EVENTS || backlog.bytes >= OWNER_BYTES || this.#bytes >= ALL_BYTES
    );
  }

  enter(id: string, runId: string, bytes: number): void {
    const run = this.#runs.get(runId);
    if (run !== undefined) run.waiting += 1;
    const backlog = this.#backlogs.get(id);
    if (backlog === undefined) {
      if (this.#backlogs.size >= MAX_BACKLOGS) this.#dropEmptyBacklogs();
      this.#backlogs.set(id, { events: 1, bytes });
    } else {
      backlog.events += 1;
      backlog.bytes += bytes;
    }
    this.#bytes += bytes;
  }

  leave(id: string, runId: string, bytes: number): void {
    const run = this.#runs.get(runId);
    if (run !== undefined) run.waiting -= 1;
    const backlog = this.#backlogs.get(id);
    this.#bytes -= bytes;
    if (backlog === undefined) return;
    backlog.events -= 1;
    backlog.bytes -= bytes;
  }

  forget(runId: string): void {
    if (this.#runs.get(runId)?.waiting === 0) this.#runs.delete(runId);
  }

  #dropEmptyBacklogs(): void {
    for (const [id, { events }] of this.#backlogs) if (events === 0) this.#backlogs.delete(id);
  }

  /** A run that has events waiting keeps its owner, since they keep their order with it; its calls are counted. */
  #forgetOldest(): void {
    if (this.#runs.size < MAX_RUNS) return;
    for (const [runId, { waiting, calls }] of this.#runs) {
      if (waiting > 0 || calls > 0) continue;
      this.#runs.delete(runId);
      return;
    }
  }
}
