// Faults of the settings. They are gathered and thrown together, so that one look mends them all.
import type { z } from 'zod';
import { DrawbridgeError } from '../errors.ts';

/** `path` is where it stands (`mcpServers.github.env.TOKEN`, `DRAWBRIDGE_PORT`, `file:3:12`); `message` says what is wrong and what is allowed. */
export interface Fault {
  readonly path: string;
  readonly message: string;
}

/** The faults of a zod error, each under `prefix`. */
export function toFaults(error: z.ZodError, prefix = ''): Fault[] {
  return error.issues.map((issue) => ({
    path: [...(prefix === '' ? [] : [prefix]), ...issue.path.map(String)].join('.'),
    message:
      issue.code === 'invalid_key'
        ? `this name is not allowed: ${issue.issues.map((inner) => inner.message).join('; ')}`
        : issue.message,
  }));
}

/** @throws DrawbridgeError `settings/invalid` with the faults as details, when there are any. */
export function assertNoFaults(faults: readonly Fault[], source: string): void {
  if (faults.length === 0) return;
  const list = faults.map(({ path, message }) => `  ${path}: ${message}`).join('\n');
  throw new DrawbridgeError(
    'settings/invalid',
    `The settings are not usable (${source}):\n${list}`,
    {
      details: faults,
    },
  );
}

/** The faults that a `settings/invalid` error carries; none for any other error. */
export function faultsOf(error: unknown): readonly Fault[] {
  if (!(error instanceof DrawbridgeError) || error.code !== 'settings/invalid') return [];
  // Where details of this code are a list, assertNoFaults above has made it.
  return Array.isArray(error.details) ? (error.details as readonly Fault[]) : [];
}
