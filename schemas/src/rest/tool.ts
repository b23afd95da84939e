// `/v1/tools`: the merged catalog, and a call of one tool.
import { z } from 'zod';
import { nextCursorSchema } from './page.ts';

export const toolSchema = z.looseObject({
  name: z.string(),
  server: z.string(),
  title: z.string().optional(),
  description: z.string().optional(),
  inputSchema: z.record(z.string(), z.unknown()),
  outputSchema: z.record(z.string(), z.unknown()).optional(),
  annotations: z.record(z.string(), z.unknown()).optional(),
});
export type Tool = z.infer<typeof toolSchema>;

export const toolPageSchema = z.object({
  tools: z.array(toolSchema),
  nextCursor: nextCursorSchema,
});

export const callRequestSchema = z.object({
  arguments: z.record(z.string(), z.unknown()).default({}),
});
export type CallRequest = z.input<typeof callRequestSchema>;

export const callAnswerSchema = z.object({
  callId: z.string(),
  runId: z.string(),
  outcome: z.enum(['result', 'tool_error', 'input_required']),
  result: z.record(z.string(), z.unknown()),
});
export type CallAnswer = z.infer<typeof callAnswerSchema>;
