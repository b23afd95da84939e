import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '@drawbridge/retrieval';
import { LEASE_SCHEMA, takeLease } from '../src/lease.ts';
import { temporaryFolder } from './harness.ts';

async function openLeases() {
  const path = join(await temporaryFolder(), 'x.db');
  const open = async () => {
    const opened = await openDatabase({ path, version: 1, schema: LEASE_SCHEMA });
    onTestFinished(() => opened.close());
    return opened.database;
  };
  return { one: await open(), two: await open() };
}

it('is held by one, until it is given back', async () => {
  const { one, two } = await openLeases();
  const lease = takeLease(one);
  lease?.assertHeld();
  expect(takeLease(two)).toBeUndefined();
  lease?.release();
  const next = takeLease(two);
  expect(next).toBeDefined();
  expect(() => lease?.assertHeld()).toThrow('took over');
  // Giving back what is no longer held takes nothing away.
  lease?.release();
  next?.assertHeld();
  next?.release();
});

it.each([
  ['ran out', `${hostname()} ${process.pid}`, -1],
  ['is of a process that is gone', `${hostname()} ${2 ** 22 + 1}`, 5_000],
  ['was taken with a clock far ahead', `${hostname()} ${process.pid}`, 10_000_000],
])('is taken over when it %s', async (_why, holder, left) => {
  const { one } = await openLeases();
  one
    .prepare('insert into lease(id, holder, process, until) values (1, ?, ?, ?)')
    .run(['other', holder, Date.now() + left]);
  const lease = takeLease(one);
  expect(lease).toBeDefined();
  lease?.release();
});

it('of a living process on another machine is waited for', async () => {
  const { one } = await openLeases();
  one
    .prepare('insert into lease(id, holder, process, until) values (1, ?, ?, ?)')
    .run(['other', 'elsewhere 1', Date.now() + 5_000]);
  expect(takeLease(one)).toBeUndefined();
});
