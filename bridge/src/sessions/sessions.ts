// Legacy sessions. A session's row in the store holds what a bridge needs to serve a session that another one
// began. Rows are cached for 10 s, so another bridge's change is seen within that time.
import type { Logger } from 'pino';
import type { View } from '../calls/call.ts';
import type { CallClient, Principal } from '../principals/caller.ts';
import type { Redact } from '../secrets/redaction.ts';
import { redactValue } from '../secrets/redact-value.ts';
import type { SessionStore } from '../store/session-store.ts';
import { type LogLevel, logLevelSchema } from './log-level.ts';
import { fromSessionId, toSessionId } from './session-id.ts';

const CACHE_MS = 10_000;
const USED_INTERVAL_MS = 60_000;
/** Clients that never end their sessions must not fill the memory; a session that fell out is read again. */
const MAX_CACHED = 10_000;
const EXPIRES_AFTER_MS = 24 * 3_600_000;

export interface Session {
  readonly id: string;
  readonly runId: string;
  readonly userId: string;
  readonly view: View;
  readonly client: CallClient;
  readonly logLevel?: LogLevel;
}

export interface Sessions {
  create(session: { principal: Principal; view: View; client: CallClient }): Promise<Session>;
  /** The session, if its id is genuine, and it is open and the principal's own. */
  find(id: string, principal: Principal): Promise<Session | undefined>;
  setLogLevel(session: Session, level: LogLevel): Promise<void>;
  end(session: Session): Promise<void>;
  /** Ends sessions that nobody used for a day. */
  expire(): Promise<void>;
}

interface SessionsOptions {
  readonly store: SessionStore;
  readonly logger: Logger;
  readonly secret: string;
  /** Redacts the client's description of itself, as the log does. */
  readonly redact: Redact;
  /** Opens the run that the session's calls belong to. */
  readonly openRun: (principal: Principal, client: CallClient) => Promise<string>;
  readonly endRun: (runId: string) => Promise<void>;
  /** The wall clock. */
  readonly now?: () => number;
}

export function createSessions({
  store,
  logger,
  secret,
  redact,
  openRun,
  endRun,
  now = Date.now,
}: SessionsOptions): Sessions {
  /** Times are of the monotonic clock; the store has dates. */
  const cache = new Map<string, { session: Session; readAt: number; usedAt: number }>();

  const remember = (runId: string, entry: { session: Session; readAt: number; usedAt: number }) => {
    cache.delete(runId);
    cache.set(runId, entry);
    for (const oldest of cache.keys()) {
      if (cache.size <= MAX_CACHED) break;
      cache.delete(oldest);
    }
  };

  /** Counts what was written, so that a row that was read before is not kept. */
  let writes = 0;
  const forget = (runId: string): void => {
    writes += 1;
    cache.delete(runId);
  };

  const read = async (runId: string): Promise<Session | undefined> => {
    const row = await store.find(runId);
    if (row === undefined || row.usedAt.getTime() < now() - EXPIRES_AFTER_MS) return undefined;
    return {
      id: toSessionId(runId, secret),
      runId: row.runId,
      userId: row.userId,
      view: toView(row.view),
      client: {
        era: 'legacy',
        protocolVersion: row.protocolVersion,
        capabilities: row.capabilities,
        ...toClientName(row.clientInfo),
      },
      ...(row.logLevel !== null && { logLevel: logLevelSchema.parse(row.logLevel) }),
    };
  };

  return {
    async create({ principal, view, client: told }) {
      const client = redactValue(redact, told);
      const runId = await openRun(principal, client);
      await store.insert({
        id: runId,
        tenantId: principal.tenantId,
        runId,
        userId: principal.id,
        view: toViewText(view),
        protocolVersion: client.protocolVersion ?? '',
        clientInfo: { name: client.name },
        capabilities: client.capabilities,
      });
      const session = { id: toSessionId(runId, secret), runId, userId: principal.id, view, client };
      const at = performance.now();
      remember(runId, { session, readAt: at, usedAt: at });
      return session;
    },
    async find(id, principal) {
      const runId = fromSessionId(id, secret);
      if (runId === undefined) return undefined;
      const time = performance.now();
      let entry = cache.get(runId);
      if (entry === undefined || entry.readAt < time - CACHE_MS) {
        const before = writes;
        const session = await read(runId);
        if (session === undefined) {
          cache.delete(runId);
          return undefined;
        }
        entry = { session, readAt: time, usedAt: entry?.usedAt ?? Number.NEGATIVE_INFINITY };
        if (writes === before) remember(runId, entry);
      }
      if (entry.session.userId !== principal.id) return undefined;
      if (entry.usedAt < time - USED_INTERVAL_MS) {
        entry.usedAt = time;
        // Not awaited: the session is valid whether its use is recorded or not.
        store
          .noteUse(runId, new Date(now()))
          .catch((error: unknown) =>
            logger.debug({ err: error }, 'the use of a session was not recorded'),
          );
      }
      return entry.session;
    },
    async setLogLevel(session, level) {
      await store.setLogLevel(session.runId, level);
      forget(session.runId);
    },
    async end(session) {
      const isEnded = await store.end(session.runId, new Date(now()));
      forget(session.runId);
      if (isEnded) await endRun(session.runId);
    },
    async expire() {
      const old = new Date(now() - EXPIRES_AFTER_MS);
      for (const id of await store.endUnused(old, new Date(now()))) {
        forget(id);
        await endRun(id);
      }
    },
  };
}

function toViewText(view: View): string {
  return view.kind === 'all' ? 'all' : `${view.kind}/${view.name}`;
}

function toView(text: string): View {
  const [kind, ...rest] = text.split('/');
  const name = rest.join('/');
  return kind === 'toolset' || kind === 'server' ? { kind, name } : { kind: 'all' };
}

function toClientName({ name }: Record<string, unknown>): { name?: string } {
  return typeof name === 'string' ? { name } : {};
}
