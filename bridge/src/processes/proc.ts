// Who belongs to a process group, as Linux tells it. Elsewhere the answer is "unknown", and callers fall
// back to signals.
import { readdirSync } from 'node:fs';
import { type ProcessFacts, isLiving, readProcess } from './process-facts.ts';

/** Living members of a process group; undefined where /proc can't tell. */
export function readGroup(group: number): ProcessFacts[] | undefined {
  if (process.platform !== 'linux') return undefined;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter(isLiving)
    .filter((facts) => facts.group === group);
}
