// RunEvents: what the log holds. One schema per (type, version); `runEventSchema` is what a reader
// gets. Payloads are written once and never changed, so a new shape is a new version beside the old.
import { z } from 'zod';

/** A body over this many bytes of JSON is stored as an artifact, with a preview in the event. */
export const INLINE_BODY_BYTES = 8_192;

/** Arguments or a result: in the event itself, or by hash when larger than {@link INLINE_BODY_BYTES}. */
export const bodySchema = z.union([
  z.object({ inline: z.unknown() }),
  z.object({
    artifact: z.string().regex(/^[0-9a-f]{64}$/),
    /** Bytes of the JSON text. */
    size: z.number().int(),
    preview: z.string(),
  }),
]);
export type Body = z.infer<typeof bodySchema>;

export const callMethods = [
  'tools/call',
  'resources/read',
  'prompts/get',
  'completion/complete',
] as const;
export const eraSchema = z.enum(['modern', 'legacy', 'rest']);
export type Era = z.infer<typeof eraSchema>;

const callId = z.object({ callId: z.string() });
const rpcError = z.object({ code: z.number(), message: z.string(), data: z.unknown().optional() });

const callDescription = callId.extend({
  method: z.enum(callMethods),
  /** The name as the caller wrote it: a tool in the catalog, a prompt, a resource's URI. */
  name: z.string(),
  arguments: bodySchema,
  upstream: z.string().optional(),
  upstreamVersion: z.string().optional(),
  /** SHA-256 of the tool's definition at the time of the call. */
  definitionHash: z.string().optional(),
  readOnly: z.boolean(),
  principal: z.string(),
  client: z.string().optional(),
  era: eraSchema,
  requestId: z.string().optional(),
  /** The bridge that carries the call, so that a survivor can end what a dead one left open. */
  bridge: z.uuid().optional(),
});

/** Of a call that never went to its server, which the event describes in full; absent otherwise. */
const unsent = callDescription
  .omit({ callId: true, bridge: true })
  .partial()
  .extend({ sent: z.literal(false).optional() });

const runReason = z.object({ reason: z.string().optional() });

/** Payload schemas by type; the number is the version that the present code writes. */
export const runEventPayloads = {
  'run.started': {
    version: 1,
    schema: z.object({
      kind: z.string(),
      title: z.string(),
      principal: z.string(),
      client: z.string().optional(),
    }),
  },
  'run.completed': { version: 1, schema: runReason },
  'run.failed': { version: 1, schema: runReason },
  'run.cancelled': { version: 1, schema: runReason },
  'call.started': { version: 1, schema: callDescription },
  'call.progress': {
    version: 1,
    schema: callId.extend({
      progress: z.number(),
      total: z.number().optional(),
      message: z.string().optional(),
    }),
  },
  'call.message': {
    version: 1,
    schema: callId.extend({ level: z.string(), logger: z.string().optional(), data: bodySchema }),
  },
  'call.input_required': { version: 1, schema: callId.extend({ requests: bodySchema }) },
  'call.input_provided': { version: 1, schema: callId.extend({ responses: bodySchema }) },
  'call.completed': {
    version: 1,
    schema: callId.extend({
      /** A tool's own failure (`isError`) is an answered call, and told apart from a success here. */
      outcome: z.enum(['result', 'tool_error']),
      result: bodySchema,
      /** Bytes of the result's JSON text. */
      size: z.number().int(),
    }),
  },
  /** Version 1 did not tell whether the call was sent. */
  'call.failed': {
    version: 2,
    schema: callId.extend({
      outcome: z.enum(['protocol_error', 'timed_out', 'unknown']),
      error: rpcError,
      ...unsent.shape,
    }),
  },
  /** A call refused before it was started, so the event describes it in full. */
  'call.denied': {
    version: 1,
    schema: callDescription.extend({
      reason: z.string(),
      /** Calls of the same principal that were refused alike meanwhile and have no event. */
      others: z.number().int().nonnegative().optional(),
    }),
  },
  /** Version 1 did not tell whether the call was sent. */
  'call.cancelled': {
    version: 2,
    schema: callId.extend({ reason: z.string().optional(), ...unsent.shape }),
  },
  'artifact.created': {
    version: 1,
    schema: z.object({ sha256: z.string(), mediaType: z.string(), size: z.number().int() }),
  },
  /** At most one a minute a server; names are `<kind> <name>`. Version 1 had neither `more` nor `leftOut`. */
  'catalog.changed': {
    version: 2,
    schema: z.object({
      upstream: z.string(),
      added: z.array(z.string()),
      removed: z.array(z.string()),
      /** A large definition is told by its hash, size and beginning. */
      changed: z.array(z.object({ name: z.string(), before: z.unknown(), after: z.unknown() })),
      /** How many there are beside those named. */
      more: z.object({ added: z.number(), removed: z.number(), changed: z.number() }).optional(),
      /** Changes since the event before that were not told one by one. */
      leftOut: z.number().int().positive().optional(),
    }),
  },
  /** An operator let through definitions that a strict pin withheld. */
  'catalog.allowed': {
    version: 1,
    schema: z.object({
      upstream: z.string(),
      by: z.string(),
      count: z.number().int(),
      /** The first of them. */
      definitions: z.array(z.object({ kind: z.string(), name: z.string(), hash: z.string() })),
    }),
  },
  /** Refused requests, counted since the event before, so that a flood of them does not flood the log. */
  'auth.failed': {
    version: 1,
    schema: z.object({ reason: z.string(), count: z.number().int().positive() }),
  },
  'auth.key_created': {
    version: 1,
    schema: z.object({
      keyId: z.string(),
      by: z.string(),
      name: z.string(),
      role: z.string(),
      user: z.string().optional(),
    }),
  },
  'auth.key_revoked': { version: 1, schema: z.object({ keyId: z.string(), by: z.string() }) },
  'auth.user_disabled': { version: 1, schema: z.object({ user: z.string(), by: z.string() }) },
} as const;

export type RunEventType = keyof typeof runEventPayloads;
export type RunEventPayload<T extends RunEventType> = z.infer<
  (typeof runEventPayloads)[T]['schema']
>;

/** An event as it is handed to the log. `durationMs` belongs to events that end something. */
export type NewRunEvent = {
  [T in RunEventType]: { type: T; payload: RunEventPayload<T>; durationMs?: number };
}[RunEventType];

/** An event as it is read back: `seq` counts from 1 in each run and has no gap. */
export const runEventSchema = z.object({
  runId: z.uuid(),
  seq: z.number().int().positive(),
  type: z.string(),
  version: z.number().int(),
  at: z.iso.datetime(),
  durationMs: z.number().optional(),
  payload: z.record(z.string(), z.unknown()),
});
export type RunEvent = z.infer<typeof runEventSchema>;
