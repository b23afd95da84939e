import { existsSync } from 'node:fs';
import { readFile, rename, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { inTransaction, isDamage, openDatabase } from '../src/index.ts';
import { temporaryFolder } from './harness.ts';

const schema = 'create table t(x); create virtual table f using fts5(y);';

async function open(path: string, version = 1) {
  const opened = await openDatabase({ path, version, schema });
  onTestFinished(() => opened.close());
  return opened;
}

function countOf({ database }: Awaited<ReturnType<typeof open>>): unknown {
  return database.prepare('select count(*) as n from t').get();
}

it('keeps what was written when it is opened again', async () => {
  const path = join(await temporaryFolder(), 'x.db');
  const first = await open(path);
  first.database.exec('insert into t values (1)');
  first.close();
  expect(countOf(await open(path))).toMatchObject({ n: 1 });
});

it('moves a damaged file aside and begins anew', async () => {
  const path = join(await temporaryFolder(), 'x.db');
  await writeFile(path, 'this was never a database, though it is long enough '.repeat(100));
  await writeFile(`${path}-wal`, 'nor this');
  expect(countOf(await open(path))).toMatchObject({ n: 0 });
  expect(await readFile(`${path}.damaged`, 'utf8')).toContain('never a database');
});

it('knows damage that shows only later', async () => {
  const path = join(await temporaryFolder(), 'x.db');
  const first = await open(path);
  inTransaction(first.database, () => {
    for (let n = 0; n < 3_000; n += 1) first.database.prepare('insert into t values (?)').run([n]);
  });
  first.database.prepare('pragma wal_checkpoint(truncate)').get();
  first.close();
  const { length } = await readFile(path);
  await truncate(path, length - (length % 4096) - 8192);
  const damage = await open(path).then(
    (second) => {
      try {
        second.database.prepare('select sum(x) from t').get();
        return undefined;
      } catch (error) {
        return error;
      }
    },
    (error: unknown) => error,
  );
  expect(damage === undefined || isDamage(damage)).toBe(true);
});

it('empties a file of another schema', async () => {
  const path = join(await temporaryFolder(), 'x.db');
  const first = await open(path, 1);
  first.database.exec("insert into t values (1); insert into f values ('word')");
  first.close();
  expect(countOf(await open(path, 2))).toMatchObject({ n: 0 });
  expect(existsSync(`${path}.damaged`)).toBe(false);
});

it('is used by two at once, and undoes a transaction that fails', async () => {
  const path = join(await temporaryFolder(), 'x.db');
  const [one, two] = [await open(path), await open(path)];
  inTransaction(one.database, () => one.database.exec('insert into t values (1)'));
  expect(countOf(two)).toMatchObject({ n: 1 });
  expect(() =>
    inTransaction(two.database, () => {
      two.database.exec('insert into t values (2)');
      throw new Error('no');
    }),
  ).toThrow('no');
  expect(countOf(one)).toMatchObject({ n: 1 });
});

it('notices that another file took its place', async () => {
  const path = join(await temporaryFolder(), 'x.db');
  const opened = await open(path);
  expect(opened.isCurrent()).toBe(true);
  await writeFile(`${path}.new`, '');

  await rename(`${path}.new`, path);
  expect(opened.isCurrent()).toBe(false);
});
