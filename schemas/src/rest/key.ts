// `/v1/keys`: API keys and whose they are.
import { z } from 'zod';

export const roleSchema = z.enum(['operator', 'member']);
export type Role = z.infer<typeof roleSchema>;

export const keySchema = z.object({
  id: z.string(),
  name: z.string(),
  user: z.string(),
  role: roleSchema,
  createdAt: z.iso.datetime(),
  lastUsedAt: z.iso.datetime().optional(),
  expiresAt: z.iso.datetime().optional(),
  revokedAt: z.iso.datetime().optional(),
});
export type Key = z.infer<typeof keySchema>;

export const keyListSchema = z.object({ keys: z.array(keySchema) });

export const keyRequestSchema = z.strictObject({
  name: z.string().min(1).max(100),
  role: roleSchema.default('member'),
  user: z
    .string()
    .optional()
    .describe(
      'the user the key belongs to, made when new; without one the key is a user of its own',
    ),
  expiresAt: z.iso.datetime().optional(),
});
export type KeyRequest = z.input<typeof keyRequestSchema>;

/** The key itself is shown this once. */
export const newKeySchema = z.object({ id: z.string(), key: z.string() });
export type NewKey = z.infer<typeof newKeySchema>;
