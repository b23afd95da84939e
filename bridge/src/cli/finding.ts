// What `drawbridge doctor` finds: one line about one thing, and what fixes it.
import type { Home } from '../settings/homes.ts';
import type { Exchange } from '../http-client/exchange.ts';
import type { Terminal } from './terminal.ts';

export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** What to do about it. */
  readonly fix?: string;
}

export interface CheckContext {
  readonly terminal: Terminal;
  readonly exchange: Exchange;
  readonly home: Home;
  readonly config: string | undefined;
}

export interface Check {
  readonly name: string;
  readonly run: (context: CheckContext) => Promise<Finding | Finding[]>;
}

export function ok(name: string, detail: string): Finding {
  return { name, state: 'ok', detail };
}
export function warn(name: string, detail: string, fix: string): Finding {
  return {
    name,
    state: 'warn',
    detail,
    fix,
  };
}
export function fail(name: string, detail: string, fix: string): Finding {
  return {
    name,
    state: 'fail',
    detail,
    fix,
  };
}
