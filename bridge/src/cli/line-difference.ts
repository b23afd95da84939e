// What somebody is asked to allow, line by line, so that nothing in it can hide: characters that a
// terminal would act on, or not show, are written as their numbers.
import { structuredPatch } from 'diff';
import { type Colors, type OutputStream, printLine } from './terminal.ts';

const CONTEXT_LINES = 3;
/** Where two texts differ so much that this is not enough, all of both is shown. */
const DIFF_MS = 2_000;

/** One line a line, each with its mark: `-` goes, `+` comes. */
export function toLineDifference(before: string, after: string): string[] {
  const patch = structuredPatch('', '', before, after, '', '', {
    context: CONTEXT_LINES,
    timeout: DIFF_MS,
  });
  // Without a patch the time was up.
  const lines: readonly string[] | undefined = patch?.hunks.flatMap((hunk) => hunk.lines);
  const all = () => [
    ...before.split('\n').map((line) => `-${line}`),
    ...after.split('\n').map((line) => `+${line}`),
  ];
  return (lines ?? all()).map(toVisible);
}

export function printLineDifference(
  stream: OutputStream,
  lines: readonly string[],
  { red, green, dim }: Colors,
): void {
  for (const line of lines) {
    const color = line.startsWith('+') ? green : line.startsWith('-') ? red : dim;
    printLine(stream, `  ${color(line)}`);
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
