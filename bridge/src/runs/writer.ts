// The run log: everything that happens in a run is appended here, and an append resolves when it is
// committed (log-commits.ts). This file decides which events are taken and in which order, and what becomes
// of a call or run whose event could not be written.
import { v7 as createUuid } from 'uuid';
import type { Logger } from 'pino';
import type { RunRow } from '../store/run-batch.ts';
import { type RunLogStore, takenForDead } from '../store/run-log.ts';
import type { RunLogBodies } from '../store/run-log-bodies.ts';
import type { CallPlace } from '../store/run-upkeep.ts';
import type { HeldBytes } from '../flow/held-bytes.ts';
import { INTERNAL_ERROR } from '../rpc-codes.ts';
import { isUuid } from '../ids.ts';
import { type EventText, LARGE_BYTES, type LogEvent, createEventText } from './event-text.ts';
import { type PrepareBody, createLargeBodies } from './large-bodies.ts';
import { isUnavailable, unavailable } from './log-errors.ts';
import { type Entry, type Failed, type Waiting, isEnd, toEndedCall } from './log-entry.ts';
import { type RunEnd, endedRun } from './log-batch.ts';
import { type LogOwner, LogOwners } from './log-owners.ts';
import { createLogCommits } from './log-commits.ts';
import { LogQueue } from './log-queue.ts';
import { OwedEnds } from './owed-ends.ts';
import { unknownRun } from './reader.ts';
import type { Redact } from '../secrets/redaction.ts';
import type { CallLog, RunLog } from './run-log.ts';
import { toRunRow } from './run-row.ts';
import { UnreadyEvents } from './unready-events.ts';

export interface RunLogOptions {
  readonly store: RunLogStore;
  readonly bridgeId: string;
  readonly redact: Redact;
  readonly logger: Logger;
  readonly now?: () => number;
  /** Makes UUIDs v7, each greater than the one before. */
  readonly createId?: () => string;
  /** Called after each commit, for metrics. */
  readonly onBatch?: (batch: { events: number; seconds: number }) => void;
  /** Longest wait of an append for the database, in milliseconds. */
  readonly timeoutMs?: number;
  /** Where large bodies go ahead of their events; without it they go with them. */
  readonly bodies?: RunLogBodies;
  /** Redacts and hashes a large text beside the event loop; without it that is done in place. */
  readonly prepare?: PrepareBody;
  /** Counts large bodies that wait to be committed. */
  readonly held?: HeldBytes;
  /** The calls among these that have a start in an open run, and no end. */
  readonly findOpen: (calls: readonly CallPlace[]) => Promise<readonly CallPlace[]>;
}

interface AddOptions {
  readonly owner?: LogOwner | undefined;
  readonly open?: RunRow;
  readonly end?: RunEnd;
  readonly isCall?: boolean;
}

const NOT_OPENED = 'its caller was told that it may not have been opened';
const NOTHING_MORE: AddOptions = {};
const PLAIN = {
  open: undefined,
  end: undefined,
  starts: undefined,
  ends: undefined,
  release: undefined,
};

export function createRunLog({
  store,
  bridgeId: firstId,
  redact,
  logger,
  now = Date.now,
  createId = createUuid,
  onBatch,
  timeoutMs = 5_000,
  bodies,
  prepare,
  held,
  findOpen,
}: RunLogOptions): RunLog {
  let bridgeId = firstId;
  let term = 0;
  const toText = createEventText({ redact, bridgeId: () => bridgeId });
  const large = createLargeBodies({ toText, bodies, prepare });
  const queue = new LogQueue<Entry>();
  const owners = new LogOwners();
  /** Calls under way whose start is known not to be in the log. */
  const unstarted = new Set<string>();
  let closed = false;

  const add = (
    runId: string,
    event: LogEvent,
    { owner: given, open, end, isCall = false }: AddOptions = NOTHING_MORE,
  ): Promise<number> =>
    new Promise((resolve, reject) => {
      if (closed) throw unavailable('The log is closed.');
      if (!isUuid(runId)) throw unknownRun(runId);
      const of = owners.find(runId, given);
      const owner = of?.id ?? runId;
      const starts = isCall && event.type === 'call.started' ? event.payload.callId : undefined;
      if (starts !== undefined) {
        owners.beginCall(runId);
        if (owed.isEnding(runId)) throw endedRun(runId);
      }
      if (owners.isFull(owner) && !isEnd(event)) {
        throw unavailable('Too many events of this caller wait to be recorded; try again later.');
      }
      const at = now();
      const until = performance.now() + timeoutMs;
      const begun = large.begin(event, { tenantId: of?.tenantId, owner, at, until });
      const { bytes } = begun;
      owners.enter(owner, runId, bytes);
      const isReady = !('finish' in begun);
      const release = bytes > LARGE_BYTES ? held?.hold(bytes) : undefined;
      const ends = isCall ? toEndedCall(event) : undefined;
      const entry: Waiting = {
        runId,
        owner,
        open,
        end,
        starts,
        ends,
        term,
        until,
        bytes,
        release,
        resolve,
        reject,
      };
      if (isReady && !unready.has(runId)) enter(entry, begun);
      else unready.add(entry, isReady ? begun : begun.finish());
    });

  const leave = ({ owner, runId, bytes, release, end, ends }: Waiting): void => {
    release?.();
    owners.leave(owner, runId, bytes);
    if (ends !== undefined) {
      owners.endCall(runId);
      if (unstarted.size > 0) unstarted.delete(ends);
    }
    if (end !== undefined) owners.forget(runId);
  };

  const fail = (entry: Failed, error: unknown): void => {
    if (entry.term === term) owe(entry, error);
    leave(entry);
    entry.reject(error);
  };

  const commits = createLogCommits({ store, queue, leave, fail, logger, timeoutMs, onBatch });

  const owe = ({ runId, open, starts, ends: callId, end, event }: Failed, error: unknown): void => {
    // It may be there, and nobody would end it; a run that is found by its key is found again.
    if (open?.streamKey === null && !isUnavailable(error)) owed.endRun(runId, 'failed', NOT_OPENED);
    if (end !== undefined) owed.endRun(runId, end, undefined);
    if (starts !== undefined && isUnavailable(error)) unstarted.add(starts);
    if (callId === undefined || unstarted.has(callId)) return;
    owed.addCall({
      runId,
      callId,
      owner: owners.find(runId, undefined),
      event: event ?? toLostEnd(callId),
    });
  };

  const enter = (entry: Waiting, event: EventText): void => {
    if (entry.term !== term) {
      fail(entry, takenForDead());
      return;
    }
    const { runId, owner, open, end, starts, ends, until, bytes, release, resolve, reject } = entry;
    // Without a spread, which costs more than all the rest here.
    queue.push({
      runId,
      owner,
      open,
      end,
      starts,
      ends,
      term,
      until,
      bytes,
      release,
      resolve,
      reject,
      event,
      isLate: false,
    });
    commits.wake(until);
  };

  /** The end of a call whose own end is too large to be kept, or is refused. */
  const toLostEnd = (callId: string): EventText =>
    toText(
      {
        type: 'call.failed',
        payload: {
          callId,
          outcome: 'unknown',
          error: {
            code: INTERNAL_ERROR,
            message: 'The call ended, but how could not be recorded.',
          },
        },
      },
      now(),
    );

  const owed = new OwedEnds({
    settle: () => commits.settle(),
    findOpen,
    write: ({ runId, owner, event }) =>
      new Promise((resolve, reject) => {
        const id = owners.find(runId, owner)?.id ?? runId;
        const { bytes } = event;
        owners.enter(id, runId, bytes);
        const until = performance.now() + timeoutMs;
        enter({ ...PLAIN, runId, owner: id, term, until, bytes, resolve, reject }, event);
      }),
    endRun: (runId, as, reason) => addEnd(runId, as, reason),
    hasCallsUnderWay: (runId) => owners.hasCalls(runId),
    shorten: ({ callId }) => toLostEnd(callId),
    logger,
  });

  const addEnd = (runId: string, as: RunEnd, reason: string | undefined): Promise<number> =>
    add(runId, { type: `run.${as}`, payload: reason === undefined ? {} : { reason } }, { end: as });

  const unready = new UnreadyEvents<Waiting>({ enter, fail });

  const drain = async (): Promise<void> => {
    await unready.settled();
    await commits.drain();
  };

  const flush = async (): Promise<void> => {
    await drain();
    await owed.flush();
  };

  /** One for all calls of a term, so that a call costs no object of its own. */
  const openTerm = (): CallLog => {
    const mine = term;
    const of = { isCall: true };
    return {
      append: (runId, event, owner) =>
        mine === term
          ? add(runId, event, owner === undefined ? of : { owner, isCall: true })
          : Promise.reject(takenForDead()),
    };
  };
  let calls = openTerm();

  return {
    async open(run) {
      const id = run.id ?? createId();
      const payload = { kind: run.kind, title: run.title, principal: run.createdBy };
      const event: LogEvent = {
        type: 'run.started',
        payload: run.client === undefined ? payload : { ...payload, client: run.client },
      };
      const owner = { id: run.createdBy, tenantId: run.tenantId };
      await add(id, event, { owner, open: toRunRow({ ...run, id }, now(), redact) });
      return { id };
    },
    append: (runId, event, owner) => add(runId, event, { owner }),
    calls: () => calls,
    async end(runId, as, reason) {
      if (owed.isFull) throw unavailable('Too many ends wait to be recorded.');
      if (owners.hasCalls(runId) || owed.has(runId)) owed.endRun(runId, as, reason);
      else await addEnd(runId, as, reason);
    },
    onCommit: commits.onCommit,
    flush,
    settle: commits.settle,
    isFull: (ownerId) => owners.isFull(ownerId),
    owes: () => owed.size > 0,
    check: commits.check,
    renew({ bridgeId: id, store: next }) {
      term += 1;
      bridgeId = id;
      calls = openTerm();
      owners.forgetCalls();
      unstarted.clear();
      owed.clear();
      for (const entry of queue.dropUntil(Infinity)) fail(entry, takenForDead());
      commits.replaceStore(next);
    },
    async close() {
      await owed.flush();
      closed = true;
      owed.close();
      await drain();
      await bodies?.close();
      await commits.close();
    },
  };
}
