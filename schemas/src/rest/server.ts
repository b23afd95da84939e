// `/v1/servers`: the servers behind the bridge, and what a strict pin withholds of them.
import { z } from 'zod';
import { nextCursorSchema } from './page.ts';

export const serverSchema = z.object({
  name: z.string(),
  state: z.enum(['stopped', 'starting', 'ready', 'degraded', 'broken', 'disabled']),
  builtin: z.boolean(),
  transport: z.enum(['stdio', 'http', 'sse']),
  era: z.enum(['modern', 'legacy']).optional(),
  serverInfo: z.object({ name: z.string(), version: z.string() }).optional(),
  pids: z.array(z.number().int()),
  restarts: z.number().int(),
  inFlight: z.number().int(),
  lastError: z.string().optional(),
  retryAt: z.string().optional(),
  lastHealthyAt: z.string().optional(),
  toolCount: z.number().int(),
  withheldCount: z.number().int().describe('Definitions that a strict pin withholds'),
  notes: z.array(z.string()).describe('What of its listing is not served, and why'),
});
export type Server = z.infer<typeof serverSchema>;

/** A settings file whose text is not in force. */
export const pendingSettingsSchema = z.object({
  path: z.string(),
  kind: z.enum(['new', 'changed', 'removed', 'broken']),
  message: z.string(),
});

export const serverListSchema = z.object({
  servers: z.array(serverSchema),
  pendingSettings: pendingSettingsSchema.optional(),
});
export type ServerList = z.infer<typeof serverListSchema>;

export const serverLogSchema = z.object({ lines: z.array(z.string()) });

export const definitionKeySchema = z.object({
  kind: z.enum(['tool', 'prompt', 'resource', 'resource_template', 'instructions']),
  name: z.string().describe('A name or a URI; empty for instructions'),
  hash: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe('SHA-256 of the definition'),
});
export type DefinitionKey = z.infer<typeof definitionKeySchema>;

const definitionSchema = z.record(z.string(), z.unknown());

export const withheldDefinitionSchema = definitionKeySchema.extend({
  definition: definitionSchema,
  before: definitionSchema.optional().describe('What was approved before under this name'),
});
export type WithheldDefinition = z.infer<typeof withheldDefinitionSchema>;

export const withheldPageSchema = z.object({
  definitions: z.array(withheldDefinitionSchema),
  nextCursor: nextCursorSchema,
});

/** Definitions that one request lets through. */
export const MAX_ALLOWED_AT_ONCE = 5_000;

export const allowRequestSchema = z.strictObject({
  definitions: z.array(definitionKeySchema).min(1).max(MAX_ALLOWED_AT_ONCE),
});

export type AllowRequest = z.infer<typeof allowRequestSchema>;

export const allowedSchema = z.object({ allowed: z.array(definitionKeySchema) });
