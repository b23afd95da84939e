// All mutants, by area.
import { edgeMutants } from './edge.ts';
import { frontMutants } from './fronts.ts';
import { logMutants } from './log.ts';
import type { Mutant } from './mutant.ts';
import { principalMutants } from './principals.ts';

export const mutants: readonly Mutant[] = [
  ...edgeMutants,
  ...frontMutants,
  ...principalMutants,
  ...logMutants,
];
