// What the command line says.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { listContenders } from './contenders/index.ts';

export interface Options {
  /** Another checkout of Drawbridge, to be measured beside this one. */
  readonly beside?: string;
  readonly only: readonly string[];
  readonly parts: readonly Part[];
  readonly rounds: number;
  readonly starts: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  readonly streamCalls: number;
  /** A file for the results. */
  readonly json?: string;
  /** Where all that is started keeps its files; its disk is the one that is measured. */
  readonly folder: string;
}

export type Part = 'calls' | 'facade';
const parts: readonly Part[] = ['calls', 'facade'];

export const USAGE = `npm run bench -- [options]

  --quick           one short round of each, about two minutes
  --beside FOLDER   another checkout of Drawbridge, as the contenders beside and beside-write
  --only NAME       measure this contender alone; may be repeated
  --part PART       calls or facade; both without it
  --rounds N        rounds (5)
  --seconds S       measured time of one round of one cell (2)
  --folder FOLDER   on the disk to be measured (the system's folder for temporary files)
  --json FILE       write the results there, too
  --help`;

/** @returns nothing where help is asked for. @throws Error for what is not an option */
export function parseOptions(
  args: readonly string[],
  { folder }: { readonly folder: string },
): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      beside: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      part: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      folder: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const names = listContenders(values.beside).map(({ name }) => name);
  const unknown = values.only.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new Error(`There is no contender ${unknown}; there are: ${names.join(', ')}.`);
  }
  const part = parts.find((each) => each === values.part);
  if (values.part !== undefined && part === undefined) {
    throw new Error(`There is no part ${values.part}; there are: ${parts.join(', ')}.`);
  }
  const { quick } = values;
  return {
    ...(values.beside !== undefined && { beside: resolve(values.beside) }),
    only: values.only,
    parts: part === undefined ? parts : [part],
    rounds: toPositive('rounds', values.rounds) ?? (quick ? 1 : 5),
    starts: quick ? 1 : 3,
    warmupMs: quick ? 300 : 500,
    measureMs: (toPositive('seconds', values.seconds) ?? (quick ? 0.7 : 2)) * 1_000,
    streamCalls: quick ? 15 : 50,
    folder: values.folder ?? folder,
    ...(values.json !== undefined && { json: values.json }),
  };
}

function toPositive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} is a number above 0, not ${text}.`);
  return value;
}
