// Faults behind the fronts: on a call's way, in the log, in redaction, in the catalog, at the servers and
// in the store.
import { callMutants } from './log/calls.ts';
import { runMutants } from './log/runs.ts';
import { secretMutants } from './log/secrets.ts';
import { serverMutants } from './log/servers.ts';
import { storeMutants } from './log/store.ts';
import type { Mutant } from './mutant.ts';

export const logMutants: readonly Mutant[] = [
  ...runMutants,
  ...callMutants,
  ...secretMutants,
  ...serverMutants,
  ...storeMutants,
];
