// The readable form of answers: what comes from files stands in a fence, what the server says after it.
import { createFence } from '@drawbridge/kit';

export interface AnswerText {
  /** Lines from files; nothing when nothing was found. */
  content: readonly string[];
  next?: string | undefined;
  index: string;
  /** Further lines of the server's own. */
  notes?: readonly (string | undefined)[];
}

export function toAnswerText({ content, next, index, notes = [] }: AnswerText): string {
  return [
    content.length === 0 ? '[nothing found]' : createFence().wrap(content.join('\n')),
    ...(next === undefined ? [] : [`[More: cursor "${next}"]`]),
    ...notes.flatMap((note) => (note === undefined ? [] : [`[${note}]`])),
    `[Index: ${index}]`,
  ].join('\n');
}

/** Lines with their numbers. */
export function toNumbered(text: string, first: number): string {
  return text
    .split('\n')
    .map((line, at) => `${first + at}: ${line}`)
    .join('\n');
}
