// What is remembered of a server between starts, keyed by the fingerprint of its configuration.
import { json, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core';
import { moment } from './column-types.ts';
import { tenants, users } from './tenancy.ts';

export const upstreams = pgTable(
  'upstreams',
  {
    id: uuid('id').primaryKey(),
    tenantId: uuid('tenant_id')
      .notNull()
      .references(() => tenants.id, { onDelete: 'cascade' }),
    name: text('name').notNull(),
    fingerprint: text('fingerprint').notNull(),
    serverName: text('server_name'),
    serverVersion: text('server_version'),
    offer: json('offer').$type<unknown>(),
    offerAt: moment('offer_at'),
  },
  (table) => [unique().on(table.tenantId, table.name, table.fingerprint)],
);

export const eras = pgTable('eras', {
  fingerprint: text('fingerprint').primaryKey(),
  era: text('era', { enum: ['modern', 'legacy'] }).notNull(),
  transport: text('transport', { enum: ['http', 'sse'] }),
  probedAt: moment('probed_at').notNull(),
});

export const pins = pgTable(
  'pins',
  {
    id: uuid('id').primaryKey(),
    tenantId: uuid('tenant_id')
      .notNull()
      .references(() => tenants.id, { onDelete: 'cascade' }),
    upstreamId: uuid('upstream_id')
      .notNull()
      .references(() => upstreams.id, { onDelete: 'cascade' }),
    kind: text('kind', {
      enum: ['tool', 'prompt', 'resource', 'resource_template', 'instructions'],
    }).notNull(),
    name: text('name').notNull(),
    hash: text('hash').notNull(),
    definition: json('definition').$type<Readonly<Record<string, unknown>>>().notNull(),
    approvedAt: moment('approved_at'),
    approvedBy: uuid('approved_by').references(() => users.id, { onDelete: 'set null' }),
    firstSeenAt: moment('first_seen_at').notNull().defaultNow(),
  },
  (table) => [unique().on(table.upstreamId, table.kind, table.name, table.hash)],
);
