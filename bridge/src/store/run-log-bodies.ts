// Large bodies go to the store before the events that name them, over a connection of their own, so that
// the commits of everybody's small events do not wait behind them. Their own commit need not be flushed:
// the commit of the event comes after it in the write-ahead log, and flushing that flushes both. A body
// whose event never comes is removed by retention.
import type { Client } from 'pg';
import { DrawbridgeError, toMessage } from '../errors.ts';
import { FairQueue } from '../flow/fair-queue.ts';
import { queryInPieces } from './large-query.ts';
import { createLogConnection, answerWithin } from './log-connection.ts';
import { isRefusal } from './sql-state.ts';
import type { ArtifactRow } from './run-batch.ts';

export interface BodyPlace {
  readonly tenantId: string;
  /** Whose turn it takes. */
  readonly owner: string;
  /** The event's time, in milliseconds since 1970. */
  readonly at: number;
  /** The time, by `performance.now()`, at which the answer is due; a large body may take longer. */
  readonly until: number;
}

export interface RunLogBodies {
  /** Resolves when the body is there. Rejects with `log/unavailable`. */
  put(artifact: ArtifactRow, place: BodyPlace): Promise<void>;
  close(): Promise<void>;
}

export interface RunLogBodiesOptions {
  readonly connect: () => Promise<Client>;
  /** Longest time for opening a connection, in milliseconds. */
  readonly timeoutMs?: number;
}

interface Task {
  readonly artifact: ArtifactRow;
  readonly place: BodyPlace;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const RETRY_MS = 50;
const BYTES_PER_MS = 4_096;
const IDLE_MS = 30_000;

export function createRunLogBodies({
  connect,
  timeoutMs = 5_000,
}: RunLogBodiesOptions): RunLogBodies {
  const waiting = new FairQueue<Task>(256 * 1024);
  const connection = createLogConnection({
    connect,
    session: 'set synchronous_commit = off',
    timeoutMs,
  });
  let working: Promise<void> | undefined;
  let idle: NodeJS.Timeout | undefined;
  let closed = false;

  const write = async ({ artifact, place }: Task): Promise<void> => {
    const { sha256, mediaType, body } = artifact;
    const at = new Date(place.at).toISOString();
    const left = Math.max(place.until - performance.now(), RETRY_MS);
    const db = await answerWithin(connection.get(), left);
    const [found] = await answerWithin(
      db.query<{ old: boolean }>({ ...FIND, values: [place.tenantId, sha256, at] }),
      left,
    ).then(({ rows }) => rows);
    if (found?.old === false) return;
    const work =
      found === undefined
        ? queryInPieces(db, { ...INSERT, values: [place.tenantId, sha256, mediaType, at, body] })
        : db.query({ ...USE, values: [place.tenantId, sha256, at] });
    await answerWithin(Promise.resolve(work), left + body.length / BYTES_PER_MS);
  };

  /** Repeats while the database is away; a body that is there already is no harm. */
  const persist = async (task: Task): Promise<void> => {
    for (;;) {
      try {
        await write(task);
        return;
      } catch (error) {
        if (isRefusal(error)) throw error;
        connection.lose();
        if (closed || performance.now() + RETRY_MS > task.place.until) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  };

  const work = async (): Promise<void> => {
    clearTimeout(idle);
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
      try {
        if (task.place.until <= performance.now()) throw new Error('it waited too long');
        await persist(task);
        task.resolve();
      } catch (error) {
        task.reject(
          new DrawbridgeError(
            'log/unavailable',
            `A large body could not be recorded: ${toMessage(error)}`,
            { cause: error },
          ),
        );
      }
    }
    working = undefined;
    idle = setTimeout(() => {
      connection.release().catch(() => undefined); // it is gone either way
    }, IDLE_MS).unref();
  };

  return {
    put: (artifact, place) =>
      new Promise((resolve, reject) => {
        waiting.push(place.owner, { artifact, place, resolve, reject }, artifact.body.length);
        working ??= work();
      }),
    async close() {
      closed = true;
      await working;
      clearTimeout(idle);
      await connection.close();
    },
  };
}

const FIND = {
  name: 'find_body',
  text: `select used_at < $3::timestamptz - interval '1 day' as old from artifacts
    where tenant_id = $1::uuid and sha256 = $2::bytea`,
};
const USE = {
  name: 'use_body',
  text: 'update artifacts set used_at = $3::timestamptz where tenant_id = $1::uuid and sha256 = $2::bytea',
};
const INSERT = {
  name: 'insert_body',
  text: `insert into artifacts (tenant_id, sha256, media_type, size, body, created_at, used_at)
    values ($1::uuid, $2::bytea, $3::text, octet_length($5::bytea), $5::bytea, $4::timestamptz, $4::timestamptz)
    on conflict do nothing`,
};
