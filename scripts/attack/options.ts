// What `npm run attack` takes.
import { parseArgs } from 'node:util';

export interface AttackOptions {
  readonly seconds: number;
  /** In the order of the list of all attacks. */
  readonly names: readonly string[];
  readonly isList: boolean;
  /** A file for all figures. */
  readonly json: string | undefined;
  /** Folders of the bridges stay. */
  readonly keeps: boolean;
}

const MAX_SECONDS = 3_600;

/** @throws Error that says what is wrong and what is allowed */
export function parseOptions(args: readonly string[], known: readonly string[]): AttackOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '60' },
      only: { type: 'string', multiple: true, default: [] },
      list: { type: 'boolean', default: false },
      json: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  });
  const seconds = Number(values.seconds);
  if (!(seconds > 0 && seconds <= MAX_SECONDS))
    throw new Error(
      `--seconds takes a number up to ${MAX_SECONDS}, not ${JSON.stringify(values.seconds)}.`,
    );
  const unknown = values.only.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new Error(`There is no attack ${unknown.join(', ')}; there are ${known.join(', ')}.`);
  return {
    seconds,
    names: values.only.length === 0 ? known : known.filter((name) => values.only.includes(name)),
    isList: values.list,
    json: values.json,
    keeps: values.keep,
  };
}
