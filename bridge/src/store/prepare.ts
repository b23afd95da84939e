// Makes a database ours: checks that it can serve, migrates it, and gives the role under which the
// bridge works its rights. That role can't change or remove an event, so not even a flaw in the bridge
// can; some databases don't let us make it, and then the trigger of `run_events` stands alone.
import type { ClientBase } from 'pg';
import type { Logger } from 'pino';
import { DrawbridgeError, toMessage } from '../errors.ts';
import { migrate, withMigrationLock } from './migrate.ts';
import { toSqlState } from './sql-state.ts';

export const APP_ROLE = 'drawbridge_app';
const OLDEST_VERSION = 150_000;

/** SQLSTATE: duplicate_object, and unique_violation or internal_error when two bridges do it at once. */
const DONE = new Set(['42710', '23505', 'XX000']);
/** insufficient_privilege; undefined_object and invalid_parameter_value, as there is no such role. */
const REFUSED = new Set(['42501', '42704', '22023']);

/** insufficient_privilege; invalid_schema_name, as there is none to create in. */
const NO_RIGHTS = new Set(['42501', '3F000']);

export interface Prepared {
  /** Such as `18.4`. */
  readonly version: string;
  /** The role to work under; undefined where it could not be made. */
  readonly role: string | undefined;
}

/** `client` is connected as the owner. Rejects with `store/start_failed`. */
export async function prepareDatabase(client: ClientBase, logger: Logger): Promise<Prepared> {
  const version = await readVersion(client);
  const { applied, hasRole } = await withMigrationLock(client, async () => ({
    applied: await migrate(client),
    hasRole: await ensureRole(client),
  })).catch(async (error: unknown) => {
    throw await explainRights(client, error);
  });
  if (applied.length > 0) logger.info({ migrations: applied }, 'migrated the database');
  const role = hasRole ? APP_ROLE : undefined;
  if (role === undefined) {
    logger.warn(
      `The database did not let us make the role ${APP_ROLE}; only a trigger keeps the log append-only.`,
    );
  }
  return { version, role };
}

async function readVersion(client: ClientBase): Promise<string> {
  const { rows } = await client.query<{ number: number; text: string }>(
    `select current_setting('server_version_num')::int as number, split_part(current_setting('server_version'), ' ', 1) as text`,
  );
  const { number = 0, text = 'unknown' } = rows[0] ?? {};
  if (number < OLDEST_VERSION) {
    throw new DrawbridgeError(
      'store/start_failed',
      `The database runs PostgreSQL ${text}; Drawbridge needs 15 or newer. Unset DATABASE_URL to use the one that ships with it.`,
    );
  }
  return text;
}

/** A user that may not make what Drawbridge needs; any other error is passed on as it is. */
async function explainRights(client: ClientBase, error: unknown): Promise<unknown> {
  const refusal = [error, error instanceof Error ? error.cause : undefined].find((each) =>
    NO_RIGHTS.has(toSqlState(each) ?? ''),
  );
  if (refusal === undefined) return error;
  const { rows } = await client.query<{ user: string; database: string }>(
    'select quote_ident(current_user) as user, quote_ident(current_database()) as database',
  );
  const { user = '', database = '' } = rows[0] ?? {};
  return new DrawbridgeError(
    'store/start_failed',
    `The user ${user} of DATABASE_URL may not make what Drawbridge needs in the database ${database} (${toMessage(refusal)}). As its owner run: grant usage, create on schema public to ${user}; what another user made there before must belong to ${user}.`,
    { cause: error },
  );
}

/** Whether there is the role now, with its rights, and we may take it on. */
async function ensureRole(client: ClientBase): Promise<boolean> {
  await attempt(client, `create role ${APP_ROLE} nologin`);
  await attempt(client, `grant ${APP_ROLE} to current_user`);
  const isOurs = await attempt(client, `set role ${APP_ROLE}`);
  await client.query('reset role');
  return isOurs && (await attempt(client, GRANTS));
}

/** False when the database refuses. */
async function attempt(client: ClientBase, sql: string): Promise<boolean> {
  try {
    await client.query(sql);
    return true;
  } catch (error) {
    const state = toSqlState(error) ?? '';
    if (REFUSED.has(state)) return false;
    if (DONE.has(state)) return true;
    throw error;
  }
}

/** Partitions get no rights: rows reach them through their parent only. */
const GRANTS = `
grant usage on schema public to ${APP_ROLE};
grant select, insert, update, delete on all tables in schema public to ${APP_ROLE};
revoke insert, update, delete on migrations from ${APP_ROLE};
do $$
declare part regclass;
begin
  for part in select relid from pg_partition_tree('run_events') loop
    execute format('revoke all on %s from ${APP_ROLE}', part);
  end loop;
end $$;
grant select, insert on run_events to ${APP_ROLE};
`;
