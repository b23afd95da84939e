import { array, assert, constantFrom, property } from 'fast-check';
import { expect, test } from 'vitest';
import { REQUEST_LIMITS, weighRequest } from '../../src/calls/large-json/json-weight.ts';

const { depth: MAX_DEPTH } = REQUEST_LIMITS;
function weigh(text: string): number {
  return weighRequest(Buffer.from(text));
}
function nested(depth: number, inner = ''): string {
  return '['.repeat(depth) + inner + ']'.repeat(depth);
}

test('takes what is nested as deep as it may be, and nothing deeper', () => {
  expect(() => weigh(nested(MAX_DEPTH))).not.toThrow();
  expect(() => weigh(nested(MAX_DEPTH + 1))).toThrow(/deeper than 128/);
  expect(() => weigh(`{"a":${nested(MAX_DEPTH)}}`)).toThrow(/deeper than 128/);
});

test.each([
  ['quotes', '"'],
  ['a backslash at the end', '\\'],
  ['a quote behind backslashes', '\\\\\\"'],
  ['a long text with an escape in every place', `${'\\'.repeat(40)}"${'a'.repeat(200)}\\"`],
])('brackets in a string with %s are text', (_name, text) => {
  const inside = JSON.stringify(`${text}${nested(1_000)}${text}`);
  expect(weigh(inside)).toBe(0);
  expect(() => weigh(`[${inside},${nested(MAX_DEPTH)}]`)).toThrow(/deeper than 128/);
});

test('finds the end of each string, whatever stands in it', () => {
  const anything = array(constantFrom('"', '\\', '[', '{', 'a', '\n', '€'), {
    maxLength: 120,
  });
  assert(
    property(array(anything, { maxLength: 5 }), (texts) => {
      const list = texts.map((parts) => parts.join(''));
      // A list, and a comma between each two: had a string ended elsewhere, it would weigh more.
      expect(weigh(JSON.stringify(list))).toBe(64 + 16 * Math.max(0, list.length - 1));
    }),
  );
});

test.each([
  ['lists', `[${'[],'.repeat(200_000)}[]]`],
  ['lists in lists', `[${`${nested(100)},`.repeat(2_000)}[]]`],
  ['members', `{${Array.from({ length: 150_000 }, (_, at) => `"${at}":1`).join(',')}}`],
  ['numbers', `[${'1,'.repeat(600_000)}1]`],
])('refuses more %s than are worth their bytes', (_name, text) => {
  expect(() => weigh(text)).toThrow(/too many values/);
});

test('takes a large text, and a large table', () => {
  expect(weigh(JSON.stringify({ text: 'x'.repeat(4_000_000) }))).toBeLessThan(1_000);
  expect(() => weigh(`[${'[1,2,3,4],'.repeat(40_000)}[]]`)).not.toThrow();
});
