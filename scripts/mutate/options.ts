// What `npm run mutate` takes.
import { parseArgs } from 'node:util';
import type { Mutant } from './mutants/mutant.ts';

export interface MutateOptions {
  readonly chosen: readonly Mutant[];
  /** Mutants at once, each in a copy of its own. */
  readonly jobs: number;
}

const MAX_JOBS = 64;

/** @throws Error that says what is wrong and what is allowed */
export function parseOptions(args: readonly string[], all: readonly Mutant[]): MutateOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      jobs: { type: 'string', default: '2' },
    },
  });
  const jobs = Number(values.jobs);
  if (!(Number.isInteger(jobs) && jobs >= 1 && jobs <= MAX_JOBS))
    throw new Error(
      `--jobs takes a whole number from 1 to ${MAX_JOBS}, not ${JSON.stringify(values.jobs)}.`,
    );
  const isAsked = ({ name, file }: Mutant): boolean =>
    values.only.some((part) => name.includes(part) || file.includes(part));
  const chosen = values.only.length === 0 ? all : all.filter(isAsked);
  if (chosen.length === 0)
    throw new Error(
      `No mutant has ${values.only.join(' or ')} in its name or its file; the mutants are in scripts/mutate/mutants/.`,
    );
  return { chosen, jobs };
}
