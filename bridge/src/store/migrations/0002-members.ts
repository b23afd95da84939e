// Members are separated. Until here all members' keys were one user, and so were all operators'. Each
// key gets a user of its own, whose id is the key's; what the shared users did stays theirs, and as
// nobody is them any more, only operators see it. Names with a colon can't be asked for, so no key can
// be made for such a user. `run_artifacts` tells whose runs name a body. What ends a key is told to
// every bridge by the database itself, whoever changed it.

export const up = `
update users set name = 'shared:' || name, disabled_at = coalesce(disabled_at, now());
insert into users (id, tenant_id, name, role, created_at)
  select k.id, k.tenant_id, 'key:' || k.id, u.role, k.created_at from keys k join users u on u.id = k.user_id;
update keys set user_id = id;

create table run_artifacts (
  tenant_id uuid not null references tenants on delete cascade,
  sha256 bytea not null,
  user_id uuid not null,
  run_id uuid not null references runs on delete cascade,
  primary key (tenant_id, sha256, user_id, run_id)
);
create index run_artifacts_run_id on run_artifacts (run_id);

create function tell_key_change() returns trigger language plpgsql as $$
begin
  perform pg_notify('drawbridge_keys', '');
  return null;
end $$;
create trigger keys_changed after update of revoked_at, expires_at, user_id or delete on keys
  for each statement execute function tell_key_change();
create trigger users_changed after update of disabled_at, role or delete on users
  for each statement execute function tell_key_change();
`;

/** Runs that users made stay theirs, and so are for operators only. A disabled user's keys stay shut. */
export const down = `
drop trigger keys_changed on keys;
drop trigger users_changed on users;
drop function tell_key_change();
drop table run_artifacts;
update keys k set revoked_at = now() from users u
  where u.id = k.user_id and u.disabled_at is not null and k.revoked_at is null;
insert into users (id, tenant_id, name, role)
  select gen_random_uuid(), t.id, 'shared:' || r.role, r.role
  from tenants t, (values ('operator'), ('member')) as r (role)
  on conflict (tenant_id, name) do nothing;
update keys k set user_id = s.id from users u, users s
  where u.id = k.user_id and s.tenant_id = k.tenant_id and s.name = 'shared:' || u.role;
delete from users where name not like 'shared:%';
update users set name = substr(name, length('shared:') + 1), disabled_at = null;
`;
