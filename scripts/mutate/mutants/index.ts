// All mutants, by area.
import { edgeMutants } from './edge.ts';
import type { Mutant } from './mutant.ts';

export const mutants: readonly Mutant[] = [...edgeMutants];
