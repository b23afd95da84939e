// Writes batches to the log, and makes that safe to repeat (run-log-append.ts has the statement). Each batch
// carries a number; the bridge's row remembers the last one applied, and a batch applies only on top of the
// one before. So when the connection dies inside a commit, the outcome is not guessed: the row tells whether
// the batch is there, and raising the number makes sure that a statement still on its way can no longer
// land. The same row keeps out a bridge that was taken for dead and whose runs were ended, for ever: it goes
// on with a row of its own (runs/bridges.ts).
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { DrawbridgeError, toMessage } from '../errors.ts';
import { toUuidArray } from './binary-array.ts';
import type { RunBatch } from './run-batch.ts';
import { toAppend } from './run-log-append.ts';
import { createLogConnection, answerWithin } from './log-connection.ts';
import { isRefusal } from './sql-state.ts';

/**
 * The seq before the first event written, and how many were; none of a run that has ended. Undefined when
 * there is no such run.
 */
export type WrittenRun = { readonly base: number; readonly written: number } | undefined;

/** The database looked at the batch and said no; nothing of it was written. */
export class BatchRefused extends Error {
  constructor(cause: unknown) {
    super(toMessage(cause), { cause });
    this.name = 'BatchRefused';
  }
}

export interface RunLogStore {
  /**
   * Writes all of a batch or nothing; `until` is the time, by `performance.now()`, at which the answer is
   * due. Rejects with {@link BatchRefused}, `log/unavailable` (nothing was written) or
   * `log/outcome_unknown`. One call at a time.
   */
  write(batch: readonly RunBatch[], until: number): Promise<readonly WrittenRun[]>;
  /** Whether a batch can be sent at once: there is a connection, and what became of the last one is known. */
  isReady(): boolean;
  /**
   * Makes sure that every batch written so far either is there or will never be; `until` as for `write`.
   * Rejects with `log/unavailable`. Not while a batch is being written.
   */
  settle(until: number): Promise<void>;
  close(): Promise<void>;
}

export interface RunLogStoreOptions {
  /** The row of `bridges` that this process registered. */
  readonly bridgeId: string;
  /** Opens a connection of its own for the log; rejects when the database is away. */
  readonly connect: () => Promise<Client>;
  /** Longest time for one statement or for opening a connection, in milliseconds. */
  readonly timeoutMs?: number;
}

const RETRY_MS = 50;
/** For learning what became of a batch that was not answered in time; less with a short timeout. */
const RECOVER_MS = 1_000;

export function createRunLogStore({
  bridgeId,
  connect,
  timeoutMs = 5_000,
}: RunLogStoreOptions): RunLogStore {
  const recoverMs = Math.min(timeoutMs / 5, RECOVER_MS);
  const connection = createLogConnection({ connect, session: SESSION, timeoutMs });
  /** The number of the last batch applied, while it is known. */
  let applied: number | undefined;
  let last = 0;
  /** Whether a batch was sent whose outcome is not known yet. */
  let unsettled = false;

  /**
   * Learns the number of the last batch applied. Raising it first makes sure that a batch whose
   * outcome is unknown either is there already or will never be.
   */
  const settle = async (): Promise<number> => {
    const db = await connection.get();
    const fresh = ++last;
    const burnt = await answerWithin(
      db.query('update bridges set batch = $3 where id = $1 and batch = $2', [
        bridgeId,
        applied ?? -1,
        fresh,
      ]),
      timeoutMs,
    );
    if (burnt.rowCount === 1) return fresh;
    const { rows } = await answerWithin(
      db.query<{ batch: string }>('select batch from bridges where id = $1', [bridgeId]),
      timeoutMs,
    );
    if (rows[0] === undefined) {
      throw new DrawbridgeError('log/unavailable', 'This bridge is not registered in its store.');
    }
    return Number(rows[0].batch);
  };

  const isReady = (): boolean => applied !== undefined && !unsettled && connection.isOpen();

  const makeReady = async (): Promise<void> => {
    if (applied === undefined || unsettled) {
      applied = await settle();
      last = Math.max(last, applied);
      unsettled = false;
    }
    await connection.get();
  };

  let readying: Promise<void> | undefined;
  /** One that takes longer goes on, and the next who asks waits for the same. */
  const resume = async (until: number): Promise<void> => {
    await persist(() => {
      readying ??= makeReady().finally(() => (readying = undefined));
      return answerWithin(readying, Math.max(until - performance.now(), RETRY_MS));
    }, until);
  };

  const send = async (
    { statement, columns }: ReturnType<typeof toAppend>,
    number: number,
    until: number,
  ): Promise<readonly Row[]> => {
    const values = [bridgeId, String(applied), String(number), ...columns];
    const db = await connection.get();
    const { rows } = await answerWithin(
      db.query<Row>({ ...statement, values: [...values], rowMode: 'array' }),
      Math.max(until - performance.now() - recoverMs, recoverMs),
    );
    applied = rows.length === 0 ? undefined : number;
    return rows;
  };

  /** Repeats `work` while the database is away. */
  const persist = async <T>(work: () => Promise<T>, until: number): Promise<T> => {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (isRefusal(error) || error instanceof DrawbridgeError) throw error;
        connection.lose();
        if (performance.now() + RETRY_MS > until) throw error;
        await delay(RETRY_MS);
      }
    }
  };

  /** What became of a batch whose commit was not answered; undefined when it did not take place. */
  const recover = async (
    batch: readonly RunBatch[],
    number: number,
    until: number,
  ): Promise<readonly WrittenRun[] | undefined> => {
    unsettled = true;
    try {
      await resume(until);
      if (applied !== number) return undefined;
      const runIds = toUuidArray(batch.map(({ runId }) => runId));
      return await persist(async () => {
        const db = await connection.get();
        const { rows } = await answerWithin(
          db.query<Row>({ text: RECOVER, values: [bridgeId, runIds], rowMode: 'array' }),
          timeoutMs,
        );
        return toWritten(batch, rows);
      }, until);
    } catch (error) {
      throw new DrawbridgeError(
        'log/outcome_unknown',
        'The connection to the database was lost in a commit, and it could not be learned whether the commit took place.',
        { cause: error },
      );
    }
  };

  const write = async (
    batch: readonly RunBatch[],
    until: number,
  ): Promise<readonly WrittenRun[]> => {
    const append = toAppend(batch);
    let fenced = false;
    for (;;) {
      if (!isReady()) {
        await resume(until).catch((error: unknown) => {
          throw toUnavailable(error);
        });
      }
      const number = ++last;
      try {
        const rows = await send(append, number, until);
        if (rows.length > 0) return toWritten(batch, rows);
      } catch (error) {
        if (isRefusal(error)) throw new BatchRefused(error);
        if (error instanceof DrawbridgeError) throw error;
        connection.lose();
        const written = await recover(
          batch,
          number,
          Math.max(until, performance.now() + recoverMs),
        );
        if (written !== undefined) return written;
        if (performance.now() + RETRY_MS > until) throw toUnavailable(error);
        await delay(RETRY_MS);
        continue;
      }
      // The bridge's row says otherwise than we thought: look again once.
      if (fenced) throw takenForDead();
      fenced = true;
    }
  };

  return {
    write,
    isReady,
    async settle(until) {
      await resume(until).catch((error: unknown) => {
        throw toUnavailable(error);
      });
    },
    close: connection.close,
  };
}

/** For whatever a bridge wants to write that others have ended. */
export function takenForDead(): DrawbridgeError {
  return new DrawbridgeError(
    'log/unavailable',
    'This bridge gave no sign of life for too long and was taken for dead; with its next heartbeat it goes on anew.',
  );
}

function toUnavailable(error: unknown): DrawbridgeError {
  if (error instanceof DrawbridgeError) return error;
  return new DrawbridgeError('log/unavailable', `The log's database is away: ${toMessage(error)}`, {
    cause: error,
  });
}

type Row = [run: number, base: number, written: number];

function toWritten(batch: readonly RunBatch[], rows: readonly Row[]): readonly WrittenRun[] {
  const result = Array.from<WrittenRun>({ length: batch.length });
  // Run 0 only says that the batch was let through.
  for (const [run, base, written] of rows) if (run > 0) result[run - 1] = { base, written };
  return result;
}

/** Joins are by hash, because a generic plan cannot know that its arrays are long; they fit in memory. */
const SESSION =
  "set enable_nestloop = off; set plan_cache_mode = force_generic_plan; set work_mem = '32MB'";

/** The same rows as `append` returns, of the last batch applied. */
const RECOVER = `
select b.run::int, min(e.seq) - 1, count(*)::int
from bridges w
join unnest($2::uuid[]) with ordinality as b (id, run) on true
join run_events e on e.run_id = b.id and e.tx = w.batch_tx
where w.id = $1::uuid
group by b.run`;
