// `drawbridge allow SERVER`: shows the definitions of a server that a strict pin withholds, whole or as
// differences, and lets through exactly what was shown, by its hashes. What servers write is shown with
// everything escaped that a terminal would act on or not show.
import { createInterface } from 'node:readline/promises';
import type { WithheldView } from './bridge-client.ts';
import { withBridge } from './connect.ts';
import { CommandFailure, EXIT_USAGE } from './failure.ts';
import type { BridgeCommandOptions } from './options.ts';
import {
  type Colors,
  type Terminal,
  colorsFor,
  printJson,
  printLine,
  toPlain,
  withSpinner,
} from './terminal.ts';

const CONTEXT_LINES = 3;

/** Asks before it lets anything through, unless `yes` is given. */
export async function allowServer(
  server: string,
  options: BridgeCommandOptions & { readonly yes?: boolean },
  terminal: Terminal,
): Promise<void> {
  const { stdout, stderr, stdin } = terminal;
  await withBridge(terminal, options, async (client) => {
    const shown = await withSpinner(terminal, 'Looking', () => client.withheld(server));
    const isJson = options.json === true;
    if (!isJson) {
      const colors = colorsFor(terminal, stdout);
      for (const item of shown) for (const line of describe(item, colors)) printLine(stdout, line);
    }
    if (shown.length === 0) {
      if (isJson) printJson(stdout, { withheld: [], allowed: [] });
      else printLine(stdout, `Nothing of ${toPlain(server)} is withheld.`);
      return;
    }
    if (options.yes !== true) {
      if (isJson) {
        printJson(stdout, { withheld: shown, allowed: [] });
        return;
      }
      if (stdin.isTTY !== true) {
        throw new CommandFailure(`${toCount(shown.length)} of ${server} await approval.`, {
          hint: 'Give --yes to let through what is shown above.',
          exitCode: EXIT_USAGE,
        });
      }
      if (!(await confirm(`Let ${toCount(shown.length)} of ${server} through?`, terminal))) {
        printLine(stderr, 'Nothing was let through.');
        return;
      }
    }
    const allowed = await withSpinner(terminal, 'Allowing', () => client.allow(server, shown));
    if (isJson) printJson(stdout, { withheld: shown, allowed });
    else printLine(stdout, `${toCount(allowed.length)} of ${toPlain(server)} let through.`);
    const left = shown.length - allowed.length;
    if (left > 0) {
      throw new CommandFailure(`${toCount(left)} changed after being shown and stay withheld.`, {
        hint: `Run \`drawbridge allow ${server}\` again to see them.`,
      });
    }
  });
}

function describe({ kind, name, definition, before }: WithheldView, colors: Colors): string[] {
  const label = kind.replaceAll('_', ' ');
  const title = `${label}${name === '' ? '' : ` ${toVisible(name)}`}`;
  if (before === undefined) {
    return [`${colors.bold(title)} ${colors.green('new')}`, ...toLines(definition), ''];
  }
  const difference = toDifference(toLines(before), toLines(definition)).map((line) =>
    line.startsWith('+') ? colors.green(line) : line.startsWith('-') ? colors.red(line) : line,
  );
  return [`${colors.bold(title)} ${colors.yellow('changed')}`, ...difference, ''];
}

/** A definition as JSON over several lines. */
function toLines(definition: unknown): string[] {
  const text = JSON.stringify(definition, undefined, 2);
  return text.split('\n').map((line) => `  ${toVisible(line)}`);
}

/** The lines that differ, with some around them. What is alike in between is shown as differing too. */
function toDifference(before: readonly string[], after: readonly string[]): string[] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const around = (lines: readonly string[]): string[] => lines.map((line) => ` ${line}`);
  return [
    ...around(after.slice(Math.max(0, head - CONTEXT_LINES), head)),
    ...before.slice(head, before.length - tail).map((line) => `-${line}`),
    ...after.slice(head, after.length - tail).map((line) => `+${line}`),
    ...around(after.slice(after.length - tail, after.length - tail + CONTEXT_LINES)),
  ];
}

/** What a terminal would act on is replaced; what it would not show (format characters, tags) is escaped. */
function toVisible(text: string): string {
  return toPlain(text).replaceAll(
    /[\p{Cf}\p{Co}\p{Cn}\u2028\u2029\u115f\u1160\u3164\uffa0]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

async function confirm(question: string, terminal: Terminal): Promise<boolean> {
  const { stdin, signal } = terminal;
  terminal.stderr.write(`${toPlain(question)} [y/N] `);
  const lines = createInterface({ input: stdin });
  try {
    return /^y(?:es)?$/i.test((await lines.question('', { signal })).trim());
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  } finally {
    lines.close();
  }
}

function toCount(count: number): string {
  return `${count} ${count === 1 ? 'definition' : 'definitions'}`;
}
