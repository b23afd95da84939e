// Turns an event as it is handed to the log into the text that is stored: redacted, large bodies
// aside. A body is serialised at most once, and spliced into the payload as text.
import { createHash } from 'node:crypto';
import {
  INLINE_BODY_BYTES,
  type RunEventPayload,
  type RunEventType,
  runEventPayloads,
} from '@drawbridge/schemas';
import type { ArtifactRow, EventRow } from '../store/run-batch.ts';
import { nestsDeeperThan, toJsonText } from '../json-text.ts';
import { redactText } from '../secrets/redact-value.ts';
import type { Redact } from '../secrets/redaction.ts';

/** Payload fields that hold what a client or a server sent: given raw, stored as a `Body`. */
const bodyFields = {
  'call.started': 'arguments',
  'call.denied': 'arguments',
  'call.message': 'data',
  'call.input_required': 'requests',
  'call.input_provided': 'responses',
  'call.completed': 'result',
  'call.failed': 'arguments',
  'call.cancelled': 'arguments',
} as const satisfies Partial<Record<RunEventType, string>>;

type BodyEventType = keyof typeof bodyFields;
type BodyField<T extends RunEventType> = T extends BodyEventType ? (typeof bodyFields)[T] : never;
/** They have a body only where the call was not sent. */
type Described = 'call.failed' | 'call.cancelled';
/** What the log works out itself. */
type Derived<T extends RunEventType> = T extends 'call.completed'
  ? 'size'
  : T extends 'call.started' | 'call.denied'
    ? 'bridge'
    : never;

/** An event as it is handed to the log: bodies raw, sizes left out. `durationMs` belongs to events that end something. */
export type LogEvent = {
  [T in RunEventType]: {
    readonly type: T;
    readonly payload: Omit<RunEventPayload<T>, BodyField<T> | Derived<T>> &
      Readonly<
        T extends Described ? Partial<Record<BodyField<T>, unknown>> : Record<BodyField<T>, unknown>
      >;
    readonly durationMs?: number;
  };
}[RunEventType];

/** A body that is JSON text already. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A body that was worked through already: redacted and hashed. */
export class PreparedBody {
  /** Bytes before redaction. */
  readonly size: number;
  readonly artifact: ArtifactRow;
  /** The beginning, redacted. */
  readonly preview: string;

  constructor({ size, artifact, preview }: Pick<PreparedBody, 'size' | 'artifact' | 'preview'>) {
    this.size = size;
    this.artifact = artifact;
    this.preview = preview;
  }
}

export interface EventTextOptions {
  readonly redact: Redact;
  /** Written into `call.started`, so that a survivor knows whose calls a dead bridge left open. */
  readonly bridgeId: () => string;
}

export interface EventText extends EventRow {
  /** Bytes that the event takes in a batch. */
  readonly bytes: number;
}

export const JSON_MEDIA_TYPE = 'application/json';
export const PREVIEW_CHARACTERS = 1_024;
/** A larger body is redacted beside the event loop, goes ahead of its event, and is counted while it waits. */
export const LARGE_BYTES = 128 * 1024;
/** PostgreSQL and readers parse events recursively; deeper bodies are kept as bytes. */
const INLINE_DEPTH = 256;

export function createEventText({
  redact,
  bridgeId,
}: EventTextOptions): (event: LogEvent, at: number) => EventText {
  const toBody = (text: string, artifacts: ArtifactRow[]): string => {
    if (Buffer.byteLength(text) <= INLINE_BODY_BYTES && !nestsDeeperThan(text, INLINE_DEPTH)) {
      return `{"inline":${text}}`;
    }
    const redacted = redact(text);
    const body = Buffer.from(redacted);
    const sha256 = createHash('sha256').update(body).digest();
    const artifact = { sha256, mediaType: JSON_MEDIA_TYPE, body };
    return toReference(artifact, redacted.slice(0, PREVIEW_CHARACTERS), artifacts);
  };

  /** An error's data comes from a server and may be of any size, like a body. */
  const toErrorData = (data: unknown, artifacts: ArtifactRow[]): unknown => {
    const text = toJsonText(data);
    const { length } = artifacts;
    const body = toBody(text, artifacts);
    return artifacts.length === length ? data : JSON.parse(body);
  };

  /** Redacted before it is cut: half a secret would not be known. */
  const shorten = (text: string): string =>
    text.length <= INLINE_BODY_BYTES
      ? text
      : `${redactText(redact, text).slice(0, INLINE_BODY_BYTES)}…`;

  return (event, at) => {
    const artifacts: ArtifactRow[] = [];
    const fields: Record<string, unknown> = Object.assign({}, event.payload);
    let body = '';
    if (hasBody(event) && bodyFields[event.type] in fields) {
      const field = bodyFields[event.type];
      const value = fields[field];
      let size: number | undefined;
      let stored: string;
      if (value instanceof PreparedBody) {
        stored = toReference(value.artifact, value.preview, artifacts);
        ({ size } = value);
      } else {
        const text = value instanceof JsonText ? value.text : toJsonText(value);
        stored = toBody(text, artifacts);
        if (event.type === 'call.completed') size = Buffer.byteLength(text);
      }
      body = `,"${field}":${stored}`;
      fields[field] = undefined; // left out of JSON
      if (event.type === 'call.completed') fields['size'] = size;
      if (event.type === 'call.started' || event.type === 'call.denied')
        fields['bridge'] = bridgeId();
    }
    if (event.type === 'call.failed') {
      const { message, data, ...rest } = event.payload.error;
      fields['error'] = {
        ...rest,
        message: shorten(message),
        ...(data !== undefined && { data: toErrorData(data, artifacts) }),
      };
    }
    for (const name in fields) {
      const value = fields[name];
      if (typeof value === 'string') fields[name] = shorten(value);
    }
    // Every event that has a body also has a call id, so the comma is right.
    const payload = redact(toJsonText(fields).slice(0, -1) + body + '}');
    return {
      type: event.type,
      version: runEventPayloads[event.type].version,
      at,
      durationMs: event.durationMs ?? null,
      payload,
      artifacts,
      bytes: artifacts.reduce((sum, { body }) => sum + body.length, Buffer.byteLength(payload)),
    };
  };
}

/** What stands in the event instead of a body that is kept beside it. */
function toReference(artifact: ArtifactRow, preview: string, artifacts: ArtifactRow[]): string {
  artifacts.push(artifact);
  const { sha256, body } = artifact;
  return JSON.stringify({ artifact: sha256.toString('hex'), size: body.length, preview });
}

/** A body that is text already, and too large to be redacted in place. */
export function toLargeText(event: LogEvent): { field: string; text: string } | undefined {
  if (!hasBody(event)) return undefined;
  const field = bodyFields[event.type];
  const fields: Readonly<Record<string, unknown>> = event.payload;
  const value = fields[field];
  if (!(value instanceof JsonText) || value.text.length <= LARGE_BYTES) return undefined;
  return { field, text: value.text };
}

function hasBody(event: LogEvent): event is Extract<LogEvent, { type: BodyEventType }> {
  return event.type in bodyFields;
}
