// The migrations in their order. A static list, so that a bundle carries them.
import { down as initialDown, up as initialUp } from './0001-initial.ts';
import { down as membersDown, up as membersUp } from './0002-members.ts';
import { down as pinsDown, up as pinsUp } from './0003-pinned-instructions.ts';
import { down as idempotentDown, up as idempotentUp } from './0004-idempotent-runs.ts';

export interface Migration {
  readonly name: string;
  readonly up: string;
  readonly down: string;
}

export const migrations: readonly Migration[] = [
  { name: '0001-initial', up: initialUp, down: initialDown },
  { name: '0002-members', up: membersUp, down: membersDown },
  { name: '0003-pinned-instructions', up: pinsUp, down: pinsDown },
  { name: '0004-idempotent-runs', up: idempotentUp, down: idempotentDown },
];
