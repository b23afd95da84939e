// Parses a list slice by slice, without holding up the event loop.
import { setImmediate as turn } from 'node:timers/promises';
import type { SlicedMessage } from './large-json.ts';

const TURN_MS = 5;

/** The message with the entries of its list. */
export async function joinSlices({ message, list }: SlicedMessage): Promise<unknown> {
  if (list === undefined) return message;
  const entries: unknown[] = [];
  let begin = performance.now();
  for (const slice of list.slices) {
    if (performance.now() - begin > TURN_MS) {
      await turn();
      begin = performance.now();
    }
    for (const entry of JSON.parse(slice.toString('utf8')) as unknown[]) entries.push(entry); // each slice is an array
  }
  const { result } = message as { result: object }; // the worker found the list there
  Object.assign(result, { [list.key]: entries });
  return message;
}
