// Severities of MCP's log messages, least first (RFC 5424, section 6.2.1).
import { z } from 'zod';

const logLevels = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
] as const;

export const logLevelSchema = z.enum(logLevels);
export type LogLevel = z.infer<typeof logLevelSchema>;

/** Whether a message is severe enough; a message of an unknown level always is. */
export function reachesLevel(level: string, least: LogLevel): boolean {
  const { data } = logLevelSchema.safeParse(level);
  return data === undefined || logLevels.indexOf(data) >= logLevels.indexOf(least);
}
