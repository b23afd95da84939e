// What the operator sets, read from the environment once. A value that cannot be read stops the server
// at its first call, with the name of the variable.
import { ToolError } from '@drawbridge/kit';
import { parseAllowedHosts } from '@drawbridge/network-guard';

export interface Settings {
  allowHosts: readonly string[];
  /** Robots.txt is not asked. */
  ignoreRobots: boolean;
  /** As the header says it; its first word is the name that robots.txt is searched for. */
  userAgent: string;
  /** Milliseconds between two requests to a host. */
  hostDelayMs: number;
  /** Most a call may ask for. */
  maxTimeoutMs: number;
  maxWireBytes: number;
  maxBytes: number;
  /** Of one conversion in the worker. */
  convertTimeoutMs: number;
}

const MB = 1024 * 1024;

interface Range {
  fallback: number;
  from: number;
  to: number;
}

function toNumber(env: NodeJS.ProcessEnv, name: string, { fallback, from, to }: Range): number {
  const text = env[name];
  if (text === undefined || text === '') return fallback;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (value < from || value > to)
    throw new ToolError(`The setting ${name} is not a number from ${from} to ${to}.`, {
      hint: 'ask the operator to mend it',
    });
  return value;
}

/** @throws ToolError */
export function parseSettings(env: NodeJS.ProcessEnv): Settings {
  const userAgent = env['DRAWBRIDGE_FETCH_USER_AGENT'] || 'Drawbridge/0.1.0';
  if (!/^[a-zA-Z_-]{1,60}(?:[/ ][\u0020-\u007e]{0,200})?$/.test(userAgent))
    throw new ToolError('DRAWBRIDGE_FETCH_USER_AGENT does not begin with a name.', {
      allowed: 'a name of letters, - and _, then a slash or a space and more',
    });
  const ignore = env['DRAWBRIDGE_FETCH_IGNORE_ROBOTS'] ?? '';
  if (!['', '0', '1'].includes(ignore))
    throw new ToolError('DRAWBRIDGE_FETCH_IGNORE_ROBOTS is neither 0 nor 1.');
  const number = (name: string, range: Range) => toNumber(env, `DRAWBRIDGE_FETCH_${name}`, range);
  return {
    allowHosts: parseAllowedHosts(env['DRAWBRIDGE_ALLOW_HOSTS']),
    ignoreRobots: ignore === '1',
    userAgent,
    hostDelayMs: number('HOST_DELAY_MS', { fallback: 250, from: 0, to: 60_000 }),
    maxTimeoutMs: number('MAX_SECONDS', { fallback: 60, from: 1, to: 600 }) * 1000,
    maxWireBytes: number('MAX_WIRE_MB', { fallback: 10, from: 1, to: 100 }) * MB,
    maxBytes: number('MAX_MB', { fallback: 20, from: 1, to: 200 }) * MB,
    convertTimeoutMs: number('CONVERT_SECONDS', { fallback: 10, from: 1, to: 120 }) * 1000,
  };
}
