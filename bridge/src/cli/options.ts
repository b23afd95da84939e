// Options that several commands share, so that they are spelled and explained once.
import { type Command, InvalidArgumentError } from 'commander';
import type { ConnectionOptions } from './commands/connect.ts';

export interface OutputOptions {
  readonly json?: boolean;
}

/** What every command that talks to a bridge takes. */
export type BridgeCommandOptions = ConnectionOptions & OutputOptions;

export function withBridgeOptions(command: Command): Command {
  return withHomeOption(command)
    .option('--url <url>', 'the bridge, when it is not the one of this home ($DRAWBRIDGE_URL)')
    .option('--token <key>', 'the key to use; by default the home’s ($DRAWBRIDGE_TOKEN)')
    .option('--json', 'print JSON');
}

export function withHomeOption(command: Command): Command {
  return command.option(
    '--home <dir>',
    'where the bridge keeps its state ($DRAWBRIDGE_HOME, else ./.drawbridge)',
  );
}

export function withConfigOption(command: Command): Command {
  return command.option(
    '-c, --config <file>',
    'the settings file (else ./mcp.config.json, else the shipped one)',
  );
}

/** For options that may be given several times. */
export function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}

export function parseCount(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('A whole number over 0 is needed.');
}

/** `NAME=VALUE` or `Name: value`, as the separator says. */
export function parsePair(text: string, separator: '=' | ':'): [string, string] {
  const at = text.indexOf(separator);
  if (at < 1) throw new InvalidArgumentError(`"${text}" is not NAME${separator}VALUE.`);
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

const unitSeconds: Readonly<Record<string, number>> = { m: 60, h: 3_600, d: 86_400 };

/** A length of time such as `30d`, in milliseconds. */
export function parseAge(text: string): number {
  const [, amount, unit = ''] = /^(\d+)([mhd])$/.exec(text) ?? [];
  const seconds = unitSeconds[unit];
  if (amount === undefined || seconds === undefined) {
    throw new InvalidArgumentError('A time such as 30m, 12h or 90d is needed.');
  }
  return Number(amount) * seconds * 1_000;
}
