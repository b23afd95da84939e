// What a settings file would change, line by line, so that nothing in it can hide: characters that a
// terminal would act on, or not show, are written as their numbers.
import { structuredPatch } from 'diff';
import type { PendingSettings } from '../settings/choose-settings.ts';
import { type Terminal, colorsFor, printLine } from './terminal.ts';

const CONTEXT_LINES = 3;
/** Where two texts differ this much, all of both is shown. */
const DIFF_MS = 2_000;

export interface Difference {
  readonly pending: PendingSettings;
  /** What was allowed last; undefined when nothing was, and then all of the file is new. */
  readonly allowed: string | undefined;
}

/** One line a line, each with its mark: `-` goes, `+` comes. */
export function toDifference({ pending, allowed = '' }: Difference): string[] {
  const after = pending.text ?? '';
  const patch = structuredPatch('', '', allowed, after, '', '', {
    context: CONTEXT_LINES,
    timeout: DIFF_MS,
  });
  // Without a patch the time was up.
  const lines: readonly string[] | undefined = patch?.hunks.flatMap((hunk) => hunk.lines);
  const all = () => [
    ...allowed.split('\n').map((line) => `-${line}`),
    ...after.split('\n').map((line) => `+${line}`),
  ];
  return (lines ?? all()).map(toVisible);
}

export function printDifference(difference: Difference, terminal: Terminal): void {
  const { stderr } = terminal;
  const { red, green, dim, bold } = colorsFor(terminal, stderr);
  const { pending, allowed } = difference;
  const how = allowed === undefined ? '' : ' against what was allowed';
  printLine(stderr, `${bold(toVisible(pending.path))}${how}:`);
  for (const line of toDifference(difference)) {
    const color = line.startsWith('+') ? green : line.startsWith('-') ? red : dim;
    printLine(stderr, `  ${color(line)}`);
  }
}

/**
 * Control and format characters (bidirectional marks, zero-width ones), spaces that look like others,
 * and halves of characters, as `\u{…}`.
 */
export function toVisible(text: string): string {
  return text.replaceAll(
    /(?! )[\p{C}\p{Z}\u{115F}\u{1160}\u{3164}\u{FFA0}\u{2800}\p{Variation_Selector}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
