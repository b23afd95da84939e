// The arguments that the tools share. Each text has a limit.
import { z } from 'zod';
import type { RequestLimits } from './retrieve.ts';
import type { Settings } from './settings.ts';

/** Limits that the listing leaves out, to spare the context of models; the error names them. */
export function textUpTo(most: number): z.ZodString {
  return z.string().refine((text) => text.length <= most, `it is longer than ${most} characters`);
}

export function intIn(from: number, to: number): z.ZodInt {
  return z.int().refine((value) => value >= from && value <= to, `it is not from ${from} to ${to}`);
}

export const urlText = textUpTo(8192);
export const cursorText = textUpTo(99);

const DEFAULT_TIMEOUT_MS = 30_000;

/** What was asked for, as far as the operator allows it. */
export function toLimits(
  { timeout, max_bytes: bytes }: { timeout?: number | undefined; max_bytes?: number | undefined },
  { maxTimeoutMs, maxBytes: most }: Settings,
): RequestLimits {
  const asked = timeout === undefined ? DEFAULT_TIMEOUT_MS : timeout * 1000;
  return { timeoutMs: Math.min(asked, maxTimeoutMs), maxBytes: Math.min(bytes ?? most, most) };
}
