// The first shape of the store. Keys are UUID v7 made by the application; `run_events` has
// (run_id, seq) and is partitioned by run_id, whose leading bits are time, so that retention is a
// drop of partitions. `tx` orders events of all runs: a reader that stops before the oldest
// transaction still open misses nothing (PostgreSQL manual, "Transaction ID and Snapshot
// Information Functions"). Bodies stay uncompressed (`storage external`): they are written once on
// the hot path and rarely read.

export const up = `
create table tenants (
  id uuid primary key,
  name text not null unique,
  created_at timestamptz not null default now()
);

create table users (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  name text not null,
  role text not null check (role in ('operator', 'member')),
  created_at timestamptz not null default now(),
  disabled_at timestamptz,
  unique (tenant_id, name)
);

create table keys (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  user_id uuid not null references users on delete cascade,
  name text not null,
  hash bytea not null unique,
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  expires_at timestamptz,
  revoked_at timestamptz
);
create index keys_tenant_id on keys (tenant_id);
create index keys_user_id on keys (user_id);

create table projects (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  name text not null,
  roots text[] not null,
  created_at timestamptz not null default now(),
  unique (tenant_id, name)
);

create table upstreams (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  name text not null,
  fingerprint text not null,
  server_name text,
  server_version text,
  offer json,
  offer_at timestamptz,
  unique (tenant_id, name, fingerprint)
);

create table eras (
  fingerprint text primary key,
  era text not null check (era in ('modern', 'legacy')),
  transport text check (transport in ('http', 'sse')),
  probed_at timestamptz not null
);

create table pins (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  upstream_id uuid not null references upstreams on delete cascade,
  kind text not null check (kind in ('tool', 'prompt', 'resource', 'resource_template')),
  name text not null,
  hash text not null,
  definition json not null,
  approved_at timestamptz,
  approved_by uuid references users on delete set null,
  first_seen_at timestamptz not null default now(),
  unique (upstream_id, kind, name, hash)
);
create index pins_tenant_id on pins (tenant_id);
create index pins_approved_by on pins (approved_by);

create table bridges (
  id uuid primary key,
  pid integer not null,
  host text not null,
  url text,
  version text not null,
  batch bigint not null default 0,
  batch_tx xid8,
  started_at timestamptz not null default now(),
  beat_at timestamptz not null default now(),
  ended_at timestamptz,
  swept_by uuid,
  swept_at timestamptz
);

create table runs (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  project text not null,
  created_by uuid not null,
  kind text not null,
  title text not null,
  status text not null check (status in ('queued', 'working', 'input_required', 'completed', 'failed', 'cancelled')),
  parent_id uuid references runs on delete set null,
  bridge_id uuid references bridges on delete set null,
  client text,
  stream_key text,
  last_seq integer not null default 0,
  started_at timestamptz not null default now(),
  active_at timestamptz not null default now(),
  completed_at timestamptz
) with (fillfactor = 70);
create index runs_tenant_id on runs (tenant_id, id desc);
create index runs_parent_id on runs (parent_id) where parent_id is not null;
create index runs_open on runs (bridge_id) where completed_at is null;
create unique index runs_stream_key on runs (tenant_id, stream_key) where completed_at is null;

create table sessions (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  run_id uuid not null references runs on delete cascade,
  user_id uuid not null references users on delete cascade,
  view text not null,
  protocol_version text not null,
  client_info json not null,
  capabilities json not null,
  log_level text,
  created_at timestamptz not null default now(),
  used_at timestamptz not null default now(),
  ended_at timestamptz
);
create index sessions_tenant_id on sessions (tenant_id);
create index sessions_run_id on sessions (run_id);
create index sessions_user_id on sessions (user_id);

create table run_events (
  run_id uuid not null,
  seq integer not null,
  tenant_id uuid not null,
  type text not null,
  version smallint not null,
  at timestamptz not null,
  duration_ms real,
  payload json not null,
  tx xid8 not null default pg_current_xact_id(),
  primary key (run_id, seq)
) partition by range (run_id);
alter table run_events alter column payload set storage external;
create index run_events_tx on run_events (tenant_id, tx, run_id, seq);
create table run_events_rest partition of run_events default;

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'run_events is append-only: % is refused', tg_op using errcode = 'insufficient_privilege';
end $$;
create trigger run_events_append_only before update or delete on run_events
  for each row execute function refuse_change();
create trigger run_events_no_truncate before truncate on run_events
  for each statement execute function refuse_change();
create trigger run_events_no_truncate before truncate on run_events_rest
  for each statement execute function refuse_change();

create table artifacts (
  tenant_id uuid not null references tenants on delete cascade,
  sha256 bytea not null,
  media_type text not null,
  size integer not null,
  body bytea not null,
  created_at timestamptz not null default now(),
  used_at timestamptz not null default now(),
  primary key (tenant_id, sha256)
);
alter table artifacts alter column body set storage external;

create table idempotency_keys (
  tenant_id uuid not null references tenants on delete cascade,
  user_id uuid not null references users on delete cascade,
  key text not null,
  request_hash text not null,
  status integer,
  response text,
  created_at timestamptz not null default now(),
  primary key (tenant_id, user_id, key)
);
create index idempotency_keys_user_id on idempotency_keys (user_id);
`;

export const down = `
drop table idempotency_keys, artifacts, run_events, sessions, runs, bridges, pins, eras, upstreams, projects, keys, users, tenants;
drop function refuse_change();
`;
