import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrate, migrateBack } from '../../src/store/migrate.ts';
import { migrations } from '../../src/store/migrations/index.ts';
import { type TestDatabase, createTestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let client: Client;

beforeEach(async () => {
  database = await createTestDatabase({ empty: true });
  client = new Client({ connectionString: database.url });
  await client.connect();
});
afterEach(async () => {
  await client.end();
  await database.drop();
});

async function rows(sql: string): Promise<Record<string, unknown>[]> {
  return (await client.query<Record<string, unknown>>(sql)).rows;
}

function owners() {
  return rows(`select k.name as key, u.name as user, u.role, u.disabled_at is not null as disabled,
    k.revoked_at is not null as revoked from keys k join users u on u.id = k.user_id order by k.name`);
}

/** Two members' keys of one shared user, with a run of theirs, as the version before had it. */
async function fill(): Promise<{ member: string; run: string }> {
  const [tenant, operator, member, run] = Array.from({ length: 4 }, () => randomUUID());
  await client.query(`
    insert into tenants (id, name) values ('${tenant}', 'default');
    insert into users (id, tenant_id, name, role) values
      ('${operator}', '${tenant}', 'operator', 'operator'), ('${member}', '${tenant}', 'member', 'member');
    insert into keys (id, tenant_id, user_id, name, hash) values
      (gen_random_uuid(), '${tenant}', '${operator}', 'home', '\\x01'),
      (gen_random_uuid(), '${tenant}', '${member}', 'one', '\\x02'),
      (gen_random_uuid(), '${tenant}', '${member}', 'two', '\\x03');
    insert into runs (id, tenant_id, project, created_by, kind, title, status)
      values ('${run}', '${tenant}', 'p', '${member}', 'rest', 't', 'completed');`);
  return { member: String(member), run: String(run) };
}

test('each key becomes a user, and what they shared is nobody’s', async () => {
  await migrate(client, { migrations: migrations.slice(0, 1) });
  const { member } = await fill();
  await migrate(client, { migrations: migrations.slice(0, 2) });
  const found = await owners();
  expect(found).toMatchObject([
    { key: 'home', role: 'operator', disabled: false },
    { key: 'one', role: 'member', disabled: false },
    { key: 'two', role: 'member', disabled: false },
  ]);
  expect(new Set(found.map(({ user }) => user)).size).toBe(3);
  expect(await rows(`select 1 from keys where user_id = '${member}'`)).toEqual([]);
  expect(await rows(`select created_by from runs`)).toEqual([{ created_by: member }]);
});

test('on the way back the keys work as before, and those of a disabled user do not', async () => {
  await migrate(client, { migrations: migrations.slice(0, 1) });
  await fill();
  await migrate(client, { migrations: migrations.slice(0, 2) });
  await client.query(
    `update users set disabled_at = now() where id in (select user_id from keys where name = 'two')`,
  );
  // A member who is called what the version before calls its operators gains nothing.
  await client.query(`insert into users (id, tenant_id, name, role)
    select gen_random_uuid(), id, 'operator', 'member' from tenants`);
  await migrateBack(client, { count: 1, migrations: migrations.slice(0, 2) });
  expect(await owners()).toEqual([
    { key: 'home', user: 'operator', role: 'operator', disabled: false, revoked: false },
    { key: 'one', user: 'member', role: 'member', disabled: false, revoked: false },
    { key: 'two', user: 'member', role: 'member', disabled: false, revoked: true },
  ]);
  expect(await rows('select name, role from users order by name')).toEqual([
    { name: 'member', role: 'member' },
    { name: 'operator', role: 'operator' },
  ]);
});
