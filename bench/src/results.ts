// All that one run of the bench found, as `--json` writes it.
import type { ContenderReading } from './calls-part.ts';
import type { FacadeReading } from './facade-part.ts';
import type { Machine } from './machine.ts';
import type { Role } from './process-tree.ts';

export interface Results {
  readonly at: string;
  readonly machine: Machine;
  readonly rounds: number;
  /** Of one round of one cell. */
  readonly measureMs: number;
  readonly calls?: readonly ContenderReading[];
  readonly facade?: FacadeReading;
}

/** The reading of a cell, where the contender got so far. */
export function findReading(
  contender: ContenderReading | undefined,
  { tool, callers }: { readonly tool: string; readonly callers: number },
): ContenderReading['cells'][number]['reading'] | undefined {
  return contender?.cells.find((cell) => cell.tool === tool && cell.callers === callers)?.reading;
}

/** Over all cells, in bytes. */
export function mostMemory({ cells }: ContenderReading): Record<Role, number> {
  const most = (role: Role): number =>
    Math.max(0, ...cells.map(({ reading }) => reading.memory[role]));
  return { gateway: most('gateway'), server: most('server'), postgres: most('postgres') };
}
