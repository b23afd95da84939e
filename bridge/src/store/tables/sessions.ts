// What callers leave behind between requests: legacy sessions and idempotency keys.
import { integer, json, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { moment } from './column-types.ts';
import { runs } from './runs.ts';
import { tenants, users } from './tenancy.ts';

export const sessions = pgTable('sessions', {
  id: uuid('id').primaryKey(),
  tenantId: uuid('tenant_id')
    .notNull()
    .references(() => tenants.id, { onDelete: 'cascade' }),
  runId: uuid('run_id')
    .notNull()
    .references(() => runs.id, { onDelete: 'cascade' }),
  userId: uuid('user_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' }),
  view: text('view').notNull(),
  protocolVersion: text('protocol_version').notNull(),
  clientInfo: json('client_info').$type<Readonly<Record<string, unknown>>>().notNull(),
  capabilities: json('capabilities').$type<Readonly<Record<string, unknown>>>().notNull(),
  logLevel: text('log_level'),
  createdAt: moment('created_at').notNull().defaultNow(),
  usedAt: moment('used_at').notNull().defaultNow(),
  endedAt: moment('ended_at'),
});

export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    tenantId: uuid('tenant_id')
      .notNull()
      .references(() => tenants.id, { onDelete: 'cascade' }),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    key: text('key').notNull(),
    requestHash: text('request_hash').notNull(),
    status: integer('status'),
    response: text('response'),
    runId: uuid('run_id'),
    bridgeId: uuid('bridge_id'),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.userId, table.key] })],
);
