// The effect of a tool, which decides whether its start is logged before it is sent and whether it may be
// repeated. A server's own hints are claims ("clients MUST consider tool annotations to be untrusted",
// specification, Tools), so only settings, built-in servers and approved pins are believed.
import type { Effect } from '@drawbridge/schemas';
import type { Target } from '../calls/call.ts';
import { isRecord } from '../json-record.ts';
import { fitsPattern } from './names.ts';

export interface EffectSources {
  /** `drawbridge.servers.<name>.effects`: tool name or pattern → effect; an exact name wins. */
  readonly overrides: Readonly<Record<string, Effect>>;
  /** Whether the definition's annotations are believed. */
  readonly trusted: boolean;
}

export function toEffect(
  definition: Readonly<Record<string, unknown>>,
  name: string,
  { overrides, trusted }: EffectSources,
): Target['effect'] {
  const override =
    overrides[name] ??
    Object.entries(overrides).find(([pattern]) => fitsPattern(pattern, name))?.[1];
  if (override !== undefined) return override;
  return trusted ? fromAnnotations(definition['annotations']) : 'unknown';
}

function fromAnnotations(annotations: unknown): Target['effect'] {
  if (!isRecord(annotations)) return 'unknown';
  if (annotations['readOnlyHint'] === true) return 'read';
  if (annotations['idempotentHint'] === true) return 'idempotent';
  return annotations['destructiveHint'] === false ? 'write' : 'destructive';
}
