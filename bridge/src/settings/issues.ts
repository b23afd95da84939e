// Issues of the settings. They are gathered and thrown together, so that one look fixes them all.
import type { z } from 'zod';
import { DrawbridgeError, hasCode } from '../errors.ts';

/** `path` is where it stands (`mcpServers.github.env.TOKEN`, `DRAWBRIDGE_PORT`, `file:3:12`); `message` says what is wrong and what is allowed. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

/** The issues of a zod error, each under `prefix`. */
export function toIssues(error: z.ZodError, prefix = ''): Issue[] {
  return error.issues.map((issue) => ({
    path: [...(prefix === '' ? [] : [prefix]), ...issue.path.map(String)].join('.'),
    message:
      issue.code === 'invalid_key'
        ? `this name is not allowed: ${issue.issues.map((inner) => inner.message).join('; ')}`
        : issue.message,
  }));
}

/** @throws DrawbridgeError `settings/invalid` with the issues as details, when there are any. */
export function assertNoIssues(issues: readonly Issue[], source: string): void {
  if (issues.length === 0) return;
  const list = issues.map(({ path, message }) => `  ${path}: ${message}`).join('\n');
  throw new DrawbridgeError(
    'settings/invalid',
    `The settings are not usable (${source}):\n${list}`,
    {
      details: issues,
    },
  );
}

/** The issues that a `settings/invalid` error carries; none for any other error. */
export function issuesOf(error: unknown): readonly Issue[] {
  return hasCode(error, 'settings/invalid') ? (error.details ?? []) : [];
}
