// What pages of a list have in common.
import { z } from 'zod';

/** Where the next page begins; none after the last. */
export const nextCursorSchema = z.string().optional();
