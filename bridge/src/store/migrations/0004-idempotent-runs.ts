// A key names the run of its call and the bridge that carries it, so that after a lost database or a
// killed bridge the log tells whether the call took place.

export const up = `
alter table idempotency_keys add column run_id uuid, add column bridge_id uuid;
`;

export const down = `
alter table idempotency_keys drop column run_id, drop column bridge_id;
`;
