// A run groups calls that belong together; its events are in run-event.ts.
import { z } from 'zod';

export const runStatuses = [
  'queued',
  'working',
  'input_required',
  'completed',
  'failed',
  'cancelled',
] as const;
export const runStatusSchema = z.enum(runStatuses);
export type RunStatus = z.infer<typeof runStatusSchema>;

/** `session`: a legacy MCP session; `stream`: a modern caller's calls; `rest`: one REST call; `bridge`: the bridge's own events. */
export const runKindSchema = z.enum(['session', 'stream', 'rest', 'task', 'replay', 'bridge']);
export type RunKind = z.infer<typeof runKindSchema>;

export const runSchema = z.object({
  id: z.uuid(),
  project: z.string(),
  createdBy: z.string(),
  kind: runKindSchema,
  title: z.string(),
  status: runStatusSchema,
  parentId: z.uuid().optional(),
  client: z.string().optional(),
  lastSeq: z.number().int(),
  startedAt: z.iso.datetime(),
  completedAt: z.iso.datetime().optional(),
});
export type Run = z.infer<typeof runSchema>;
