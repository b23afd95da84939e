// Who may write into an index, of all processes that use it. A holder renews its lease while it lives;
// one that was killed is known by its process id, or at the latest by a lease that ran out.
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { inTransaction, isBusy, type Database } from '@drawbridge/retrieval';

export const LEASE_SCHEMA =
  'create table lease(id integer primary key check (id = 1), holder text not null, ' +
  'process text not null, until real not null);';

const LEASE_MS = 6_000;
const HEARTBEAT_MS = 1_500;

export interface Lease {
  /** Throws when another has taken over; to be called in the transaction that writes. */
  assertHeld(): void;
  release(): void;
}

export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

interface LeaseRow {
  holder: string;
  process: string;
  until: number;
}

/** Whether the process that took the lease is one of this machine, and gone. */
function isDead(process_: string): boolean {
  // libsql ends a text at a NUL, so it is a space that divides.
  const [, host, pid] = /^(.*) (\d+)$/.exec(process_) ?? [];
  if (host !== hostname() || pid === undefined) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}

/** Nothing while another process holds it. */
export function takeLease(database: Database, now: () => number = Date.now): Lease | undefined {
  const holder = randomBytes(8).toString('hex');
  const read = database.prepare('select holder, process, until from lease where id = 1');
  const isHeld = (): boolean => (read.get() as LeaseRow | undefined)?.holder === holder;
  const taken = inTransaction(database, () => {
    const row = read.get() as LeaseRow | undefined;
    // A clock that was set back would make a lease last for as long as it was.
    const lives = row !== undefined && row.until > now() && row.until <= now() + LEASE_MS;
    if (lives && !isDead(row.process)) return false;
    database
      .prepare('insert or replace into lease(id, holder, process, until) values (1, ?, ?, ?)')
      .run([holder, `${hostname()} ${process.pid}`, now() + LEASE_MS]);
    return true;
  });
  if (!taken) return undefined;
  const renew = database.prepare('update lease set until = ? where id = 1 and holder = ?');
  const heartbeat = setInterval(() => {
    try {
      renew.run([now() + LEASE_MS, holder]);
    } catch (error) {
      // Another process writes just now; the next beat comes before the lease runs out.
      if (!isBusy(error)) clearInterval(heartbeat);
    }
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return {
    assertHeld() {
      if (!isHeld()) throw new LeaseLost('another process took over the index');
    },
    release() {
      clearInterval(heartbeat);
      database.prepare('delete from lease where id = 1 and holder = ?').run([holder]);
    },
  };
}
