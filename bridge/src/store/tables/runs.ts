// The log: bridges that beat a heart, runs, their events, and the bodies too large for an event.
import type { RunKind, RunStatus } from '@drawbridge/schemas';
import {
  type AnyPgColumn,
  bigint,
  integer,
  json,
  pgTable,
  primaryKey,
  real,
  smallint,
  text,
  uuid,
} from 'drizzle-orm/pg-core';
import { bytea, moment, xid8 } from './column-types.ts';
import { tenants } from './tenancy.ts';

export const bridges = pgTable('bridges', {
  id: uuid('id').primaryKey(),
  pid: integer('pid').notNull(),
  host: text('host').notNull(),
  url: text('url'),
  version: text('version').notNull(),
  batch: bigint('batch', { mode: 'number' }).notNull().default(0),
  batchTx: xid8('batch_tx'),
  startedAt: moment('started_at').notNull().defaultNow(),
  beatAt: moment('beat_at').notNull().defaultNow(),
  endedAt: moment('ended_at'),
  /** The bridge that ends what this one left open, and when it was done with that. */
  sweptBy: uuid('swept_by'),
  sweptAt: moment('swept_at'),
});

export const runs = pgTable('runs', {
  id: uuid('id').primaryKey(),
  tenantId: uuid('tenant_id')
    .notNull()
    .references(() => tenants.id, { onDelete: 'cascade' }),
  project: text('project').notNull(),
  createdBy: uuid('created_by').notNull(),
  kind: text('kind').$type<RunKind>().notNull(),
  title: text('title').notNull(),
  status: text('status').$type<RunStatus>().notNull(),
  parentId: uuid('parent_id').references((): AnyPgColumn => runs.id, { onDelete: 'set null' }),
  bridgeId: uuid('bridge_id').references(() => bridges.id, { onDelete: 'set null' }),
  client: text('client'),
  streamKey: text('stream_key'),
  lastSeq: integer('last_seq').notNull().default(0),
  startedAt: moment('started_at').notNull().defaultNow(),
  activeAt: moment('active_at').notNull().defaultNow(),
  completedAt: moment('completed_at'),
});

export const runEvents = pgTable(
  'run_events',
  {
    runId: uuid('run_id').notNull(),
    seq: integer('seq').notNull(),
    tenantId: uuid('tenant_id').notNull(),
    type: text('type').notNull(),
    version: smallint('version').notNull(),
    at: moment('at').notNull(),
    durationMs: real('duration_ms'),
    payload: json('payload').$type<unknown>().notNull(),
    tx: xid8('tx').notNull(),
  },
  (table) => [primaryKey({ columns: [table.runId, table.seq] })],
);

export const artifacts = pgTable(
  'artifacts',
  {
    tenantId: uuid('tenant_id')
      .notNull()
      .references(() => tenants.id, { onDelete: 'cascade' }),
    sha256: bytea('sha256').notNull(),
    mediaType: text('media_type').notNull(),
    size: integer('size').notNull(),
    body: bytea('body').notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
    usedAt: moment('used_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.sha256] })],
);

/** Which bodies the events of a run name; `userId` is the run's `createdBy`. */
export const runArtifacts = pgTable(
  'run_artifacts',
  {
    tenantId: uuid('tenant_id')
      .notNull()
      .references(() => tenants.id, { onDelete: 'cascade' }),
    sha256: bytea('sha256').notNull(),
    userId: uuid('user_id').notNull(),
    runId: uuid('run_id')
      .notNull()
      .references(() => runs.id, { onDelete: 'cascade' }),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.sha256, table.userId, table.runId] })],
);
