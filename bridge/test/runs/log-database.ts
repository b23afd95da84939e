// A database with a tenant, and as many bridges on it as a test wants, each with its own log.
import { pino } from 'pino';
import { v7 as createId } from 'uuid';
import { type RunEvent, runEventSchema } from '@drawbridge/schemas';
import type { LogEvent } from '../../src/runs/event-text.ts';
import { createRedact } from '../../src/secrets/redaction.ts';
import type { RunLog } from '../../src/runs/run-log.ts';
import type { NewRun } from '../../src/runs/run-row.ts';
import { createRunLog } from '../../src/runs/writer.ts';
import { createRunLogBodies } from '../../src/store/run-log-bodies.ts';
import { createRunLogStore } from '../../src/store/run-log.ts';
import { type StoredEvent, createRunQueries } from '../../src/store/run-queries.ts';
import { createRunUpkeep } from '../../src/store/run-upkeep.ts';
import { type Store, openStore } from '../../src/store/store.ts';
import { tenants } from '../../src/store/tables/index.ts';
import { createTestDatabase } from '../support/postgres.ts';

export const logger = pino({ level: 'silent' });
export const userId = createId();

export interface LogDatabase {
  readonly url: string;
  readonly store: Store;
  readonly tenantId: string;
  readonly queries: ReturnType<typeof createRunQueries>;
  readonly upkeep: ReturnType<typeof createRunUpkeep>;
  addTenant(): Promise<string>;
  /** A run's events after a seq, as a client parses them. */
  events(runId: string, after?: number): Promise<readonly RunEvent[]>;
  addBridge(options?: {
    readonly connect?: Store['connect'];
    readonly now?: () => number;
    readonly timeoutMs?: number;
  }): Promise<TestBridge>;
  /** Lets a bridge go on under another id, as after it was taken for dead. */
  renewBridge(bridge: TestBridge): Promise<string>;
  close(): Promise<void>;
}

export interface TestBridge {
  readonly id: string;
  readonly log: RunLog;
}

export async function createLogDatabase(): Promise<LogDatabase> {
  const database = await createTestDatabase();
  const store = await openStore({
    home: '/nonexistent',
    databaseUrl: database.url,
    logger,
    version: 'test',
  });
  const upkeep = createRunUpkeep(store.db);
  const logs: RunLog[] = [];
  const addTenant = async (): Promise<string> => {
    const id = createId();
    await store.db.insert(tenants).values({ id, name: id });
    return id;
  };
  const queries = createRunQueries(store.db);
  const tenantId = await addTenant();
  return {
    url: database.url,
    store,
    tenantId,
    queries,
    upkeep,
    addTenant,
    async events(runId, after = 0) {
      const events = await queries.events(tenantId, runId, { after, limit: 10_000 });
      return events.map(toRunEvent);
    },
    async addBridge({ connect = store.connect, now, timeoutMs = 5_000 } = {}) {
      const id = createId();
      await upkeep.register({ id, pid: process.pid, host: 'test', version: 'test' });
      const log = createRunLog({
        store: createRunLogStore({ bridgeId: id, connect, timeoutMs }),
        bodies: createRunLogBodies({ connect, timeoutMs }),
        findOpen: upkeep.findOpen,
        bridgeId: id,
        redact: createRedact(),
        logger,
        timeoutMs,
        ...(now !== undefined && { now, createId: () => createId({ msecs: now() }) }),
      });
      logs.push(log);
      return { id, log };
    },
    async renewBridge({ log }) {
      const id = createId();
      await upkeep.register({ id, pid: process.pid, host: 'test', version: 'test' });
      log.renew({
        bridgeId: id,
        store: createRunLogStore({ bridgeId: id, connect: store.connect }),
      });
      return id;
    },
    async close() {
      for (const log of logs) await log.close();
      await store.close();
      await database.drop();
    },
  };
}

export function toRunEvent({ json }: StoredEvent): RunEvent {
  return runEventSchema.parse(JSON.parse(json));
}

export function newRun(tenantId: string, more: Partial<NewRun> = {}): NewRun {
  return { tenantId, project: 'p', createdBy: userId, kind: 'session', title: 'a run', ...more };
}

export function progress(callId: string, value = 1): LogEvent {
  return { type: 'call.progress', payload: { callId, progress: value } };
}

export function started(callId: string): LogEvent {
  return {
    type: 'call.started',
    payload: {
      callId,
      method: 'tools/call',
      name: 'files__read',
      arguments: { path: 'a' },
      readOnly: true,
      principal: userId,
      era: 'modern',
    },
  };
}

export function completed(callId: string, result: unknown = { content: [] }): LogEvent {
  return { type: 'call.completed', payload: { callId, outcome: 'result', result }, durationMs: 2 };
}
