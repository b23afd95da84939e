// An error as REST tells it: a problem document (RFC 9457) with the bridge's code and the request's id.
import { z } from 'zod';

export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.string(),
  requestId: z.string(),
  details: z.unknown().optional(),
});
export type Problem = z.infer<typeof problemSchema>;
