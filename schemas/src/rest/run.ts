// `/v1/runs` and `/v1/prune`: pages of the log, and what of it is removed.
import { z } from 'zod';
import { runEventSchema } from '../run-event.ts';
import { runSchema } from '../run.ts';
import { nextCursorSchema } from './page.ts';

export const runPageSchema = z.object({ runs: z.array(runSchema), nextCursor: nextCursorSchema });

export const eventPageSchema = z.object({
  events: z.array(runEventSchema),
  nextAfter: z.number().int().optional(),
});
export type EventPage = z.infer<typeof eventPageSchema>;

export const pruneRequestSchema = z.strictObject({
  olderThanDays: z
    .number()
    .int()
    .nonnegative()
    .optional()
    .describe(
      'Runs that ended, and whose last event is older, go; by default as the settings say (retention)',
    ),
  dryRun: z.boolean().default(false).describe('Only say what would go'),
});
export type PruneRequest = z.input<typeof pruneRequestSchema>;

export const removalSchema = z.object({
  dryRun: z.boolean(),
  before: z.iso.datetime().describe('Runs that began before this time go'),
  days: z
    .array(z.object({ day: z.iso.date(), bytes: z.number().int() }))
    .describe('Days of events, the oldest first'),
  runs: z.number().int(),
  bytes: z.number().int().describe('Of the events and their bodies'),
});
export type Removal = z.infer<typeof removalSchema>;
