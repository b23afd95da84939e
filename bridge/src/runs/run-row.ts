// A run as it is inserted: what callers say of themselves is redacted and cut to what a column takes.
import type { RunKind } from '@drawbridge/schemas';
import { redactText } from '../secrets/redact-value.ts';
import type { RunRow } from '../store/run-batch.ts';
import type { Redact } from '../secrets/redaction.ts';

export interface NewRun {
  /** A UUID v7; made by the log when absent. Who gives one may append before `open` resolves. */
  readonly id?: string;
  readonly tenantId: string;
  readonly project: string;
  /** The principal's id. */
  readonly createdBy: string;
  readonly kind: RunKind;
  readonly title: string;
  readonly client?: string;
  readonly parentId?: string;
  /** At most one open run of a tenant has this key. */
  readonly streamKey?: string;
}

const COLUMN_CHARACTERS = 1_024;

export function toRunRow(
  run: NewRun & { readonly id: string },
  startedAt: number,
  redact: Redact,
): RunRow {
  const toColumnText = (text: string): string => toPlainText(redactText(redact, text));
  return {
    id: run.id,
    tenantId: run.tenantId,
    project: toColumnText(run.project),
    createdBy: run.createdBy,
    kind: run.kind,
    title: toColumnText(run.title),
    parentId: run.parentId ?? null,
    client: run.client === undefined ? null : toColumnText(run.client),
    streamKey: run.streamKey ?? null,
    startedAt,
  };
}

/** PostgreSQL's `text` takes every character but NUL. */
function toPlainText(text: string): string {
  return text.slice(0, COLUMN_CHARACTERS).replaceAll('\0', '\uFFFD');
}
