// Every table that the migrations make, in drizzle's words. A test compares both, column by column.
export { keys, projects, tenants, users } from './tenancy.ts';
export { eras, pins, upstreams } from './upstreams.ts';
export { artifacts, bridges, runArtifacts, runEvents, runs } from './runs.ts';
export { idempotencyKeys, sessions } from './sessions.ts';
