// Finds the literal values that the settings call secret, in each way they can be written in JSON
// text: as they are, escaped for a string, escaped again for JSON inside a string, and in a URL.
import { MARKER, type Range, backslashesBefore } from './redaction-ranges.ts';

/** Shorter values stand in ordinary text too often. */
const SHORTEST = 6;
const LEVELS = 4;
/** Consists of what JSON has outside strings too, so its place must be looked at. */
const STRUCTURAL = /^[-+.,:0-9eEtrufalsn[\]{}]*$/;
const NUMBER = /[-+.0-9eE]/;

export function createLiteralFinder(
  literals: readonly string[],
): (text: string, ranges: Range[]) => void {
  const forms = [...new Set(literals.filter((text) => text.length >= SHORTEST).flatMap(toForms))];
  return (text, ranges) => {
    for (const form of forms) findForm(form, text, ranges);
  };
}

function findForm(form: string, text: string, ranges: Range[]): void {
  const isInString = STRUCTURAL.test(form) ? createStringTracker(text) : () => true;
  let at = text.indexOf(form);
  while (at !== -1) {
    const end = at + form.length;
    if (isInsideEscape(text, at)) {
      at = text.indexOf(form, at + 1);
      continue;
    }
    const range = isInString(at) ? { start: at, end, by: MARKER } : toNumberRange(text, at, end);
    if (range !== undefined) ranges.push(range);
    at = text.indexOf(form, end);
  }
}

function toForms(literal: string): string[] {
  const forms = [literal];
  for (let level = 1; level <= LEVELS; level += 1) {
    forms.push(JSON.stringify(forms[level - 1]).slice(1, -1));
  }
  // The bare form stands in the text only where it needs no escape, and then it is the first level.
  return [...forms.slice(1), encodeURIComponent(Buffer.from(literal).toString())];
}

/** Whether an escape begins before an index and goes on at it: what matches there is not the literal. */
function isInsideEscape(text: string, at: number): boolean {
  if (backslashesBefore(text, at) % 2 === 1) return true;
  for (let digits = 0; digits < 4; digits += 1) {
    const u = at - 1 - digits;
    if (text[u] === 'u' && backslashesBefore(text, u) % 2 === 1) return true;
    if (!/[0-9a-f]/i.test(text[u] ?? '')) return false;
  }
  return false;
}

/** Tells whether an index lies in a string; asked with rising indexes, it reads the text once. */
function createStringTracker(text: string): (at: number) => boolean {
  let inside = false;
  let quote = text.indexOf('"');
  return (at) => {
    while (quote !== -1 && quote < at) {
      if (backslashesBefore(text, quote) % 2 === 0) inside = !inside;
      quote = text.indexOf('"', quote + 1);
    }
    return inside;
  };
}

function toNumberRange(text: string, from: number, to: number): Range | undefined {
  let [start, end] = [from, to];
  while (NUMBER.test(text[start - 1] ?? '')) start -= 1;
  while (NUMBER.test(text[end] ?? '')) end += 1;
  const whole = text.slice(start, end);
  return /^-?\d[-+.0-9eE]*$/.test(whole) ? { start, end, by: `"${MARKER}"` } : undefined;
}
