// The ends that this bridge owes the log: those of calls whose callers were told that the outcome is
// unknown, because the log could not be written, and of runs that cannot end before their calls. They are
// written as soon as the log can be written again. Whether a call is in the log at all, and whether its
// end came there after all, is looked up first; what was still on its way then can no longer land
// (store/run-log.ts), so that no call ends twice.
import type { Logger } from 'pino';
import { hasCode, toMessage } from '../errors.ts';
import { answerWithin } from '../store/log-connection.ts';
import type { CallPlace } from '../store/run-upkeep.ts';
import type { EventText } from './event-text.ts';
import { isRefused } from './log-errors.ts';
import type { RunEnd } from './log-batch.ts';
import type { LogOwner } from './log-owners.ts';

export interface OwedCall extends CallPlace {
  /** Where the log knew it. */
  readonly owner: LogOwner | undefined;
  readonly event: EventText;
}

interface OwedRun {
  readonly as: RunEnd;
  readonly reason: string | undefined;
}

export interface OwedEndsOptions {
  /** Resolves when whatever was sent before is either there or will never be. */
  readonly settle: () => Promise<void>;
  /** The calls among these that have a start in an open run, and no end. */
  readonly findOpen: (calls: readonly CallPlace[]) => Promise<readonly CallPlace[]>;
  readonly write: (call: OwedCall) => Promise<unknown>;
  readonly endRun: (runId: string, as: RunEnd, reason: string | undefined) => Promise<unknown>;
  readonly hasCallsUnderWay: (runId: string) => boolean;
  /** A short event in place of one that is too large, or that the database refuses. */
  readonly shorten: (call: OwedCall) => EventText;
  readonly logger: Logger;
}

const RETRY_MS = 500;
/** With the short events, some tens of megabytes at most; what is beyond is ended by the next start. */
const MAX_CALLS = 20_000;
const MAX_RUNS = 20_000;
const MAX_BYTES = 16 * 1024 * 1024;
const AT_ONCE = 500;
/** A bridge that stops does not wait longer. */
const FLUSH_MS = 1_000;

export class OwedEnds {
  readonly #options: OwedEndsOptions;
  readonly #calls = new Map<string, OwedCall>();
  readonly #runs = new Map<string, OwedRun>();
  /** How many calls of a run are owed. */
  readonly #callsOf = new Map<string, number>();
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #trying: Promise<void> | undefined;
  #closed = false;

  constructor(options: OwedEndsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#calls.size + this.#runs.size;
  }

  /** No run may end now: one of its calls may be open, and not be known here. */
  get isFull(): boolean {
    return this.#calls.size >= MAX_CALLS;
  }

  /** Whether ends of a run, or of its calls, are owed. */
  has(runId: string): boolean {
    return this.#runs.has(runId) || this.#callsOf.has(runId);
  }

  /** Whether nothing new begins in a run. */
  isEnding(runId: string): boolean {
    return this.#runs.has(runId);
  }

  addCall(call: OwedCall): void {
    const { logger, shorten } = this.#options;
    if (this.isFull) {
      logger.error({ ...toIds(call) }, 'the end of a call is left to the next start');
      return;
    }
    const isLarge = this.#bytes + call.event.bytes > MAX_BYTES;
    this.#keep(isLarge ? { ...call, event: shorten(call) } : call);
    this.#schedule();
  }

  endRun(runId: string, as: RunEnd, reason: string | undefined): void {
    if (this.#runs.has(runId) || this.#runs.size >= MAX_RUNS) return;
    this.#runs.set(runId, { as, reason });
    this.#schedule();
  }

  /** Others write all these ends. */
  clear(): void {
    this.#calls.clear();
    this.#runs.clear();
    this.#callsOf.clear();
    this.#bytes = 0;
  }

  /** Tries at once, at most a second. */
  async flush(): Promise<void> {
    if (this.size === 0) return;
    try {
      await answerWithin(this.#try(), FLUSH_MS);
    } catch (error) {
      this.#options.logger.debug({ err: error }, 'owed ends could not be written');
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    const { size: calls } = this.#calls;
    const { size: runs } = this.#runs;
    if (this.size > 0)
      this.#options.logger.warn({ calls, runs }, 'ends are left to the next start');
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = setTimeout(() => {
      void this.#try()
        .catch((error: unknown) =>
          this.#options.logger.debug({ err: error }, 'owed ends could not be written yet'),
        )
        .finally(() => {
          this.#timer = undefined;
          if (this.size > 0) this.#schedule();
        });
    }, RETRY_MS).unref();
  }

  #try(): Promise<void> {
    this.#trying ??= this.#writeSome().finally(() => (this.#trying = undefined));
    return this.#trying;
  }

  async #writeSome(): Promise<void> {
    if (this.#calls.size > 0) {
      await this.#options.settle();
      const owed = [...this.#calls.values()].slice(0, AT_ONCE);
      const open = new Set((await this.#options.findOpen(owed)).map(toKey));
      await Promise.all(owed.map((call) => this.#writeCall(call, open.has(toKey(call)))));
    }
    const ready = [...this.#runs].filter(
      ([runId]) => !this.#callsOf.has(runId) && !this.#options.hasCallsUnderWay(runId),
    );
    await Promise.all(
      ready.slice(0, AT_ONCE).map(async ([runId, { as, reason }]) => {
        await this.#options.endRun(runId, as, reason).catch((error: unknown) => {
          if (!isGone(error)) throw error;
        });
        this.#runs.delete(runId);
      }),
    );
  }

  async #writeCall(call: OwedCall, isOpen: boolean): Promise<void> {
    try {
      if (isOpen) await this.#options.write(call);
      this.#drop(call);
    } catch (error) {
      if (isGone(error)) this.#drop(call);
      else if (isRefused(error)) {
        this.#drop(call);
        const event = this.#options.shorten(call);
        const isShort = event.type === call.event.type && event.bytes >= call.event.bytes;
        if (!isShort) this.#keep({ ...call, event });
        this.#options.logger.error(
          { ...toIds(call), error: toMessage(error) },
          'the database refused the end of a call',
        );
      }
      // Else the log is away: it is tried again.
    }
  }

  #keep(call: OwedCall): void {
    const key = toKey(call);
    if (this.#calls.has(key)) return;
    this.#calls.set(key, call);
    this.#callsOf.set(call.runId, (this.#callsOf.get(call.runId) ?? 0) + 1);
    this.#bytes += call.event.bytes;
  }

  #drop(call: OwedCall): void {
    if (!this.#calls.delete(toKey(call))) return;
    const left = (this.#callsOf.get(call.runId) ?? 1) - 1;
    if (left > 0) this.#callsOf.set(call.runId, left);
    else this.#callsOf.delete(call.runId);
    this.#bytes -= call.event.bytes;
  }
}

function toKey({ runId, callId }: CallPlace): string {
  return `${runId} ${callId}`;
}

function toIds({ runId, callId }: CallPlace): CallPlace {
  return { runId, callId };
}

/** The run is not in the log. */
function isGone(error: unknown): boolean {
  return hasCode(error, 'run/unknown');
}
