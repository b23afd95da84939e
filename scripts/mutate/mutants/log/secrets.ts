// Faults in redaction: what is seen through, what is remembered from one text to the next, and long texts.
import type { Mutant } from '../mutant.ts';

const SHAPES = 'bridge/test/secrets/redaction.test.ts';
const KNOWN = 'bridge/test/secrets/known-values.test.ts';

export const secretMutants: readonly Mutant[] = [
  {
    name: 'names that tell a secret are found every other time',
    file: 'bridge/src/secrets/secret-names.ts',
    find: 'jwt)(?:[-_]?(?:hash|value|\\d{1,3}))?$/i;',
    replace: 'jwt)(?:[-_]?(?:hash|value|\\d{1,3}))?$/gi;',
    tests: [SHAPES],
  },
  {
    name: 'harmless names are found every other time',
    file: 'bridge/src/secrets/secret-names.ts',
    find: '[-_]?token$/i;',
    replace: '[-_]?token$/gi;',
    tests: [SHAPES],
  },
  {
    name: 'header lines are found every other time',
    file: 'bridge/src/secrets/secret-names.ts',
    find: 'const HEADER = /(?:authorization|cookie|api[-_ ]?key)$/i;',
    replace: 'const HEADER = /(?:authorization|cookie|api[-_ ]?key)$/gi;',
    tests: [SHAPES],
  },
  {
    name: 'a token is looked for where the last one ended',
    file: 'bridge/src/secrets/secret-shapes.ts',
    find: 'rest.lastIndex = at;',
    replace: '',
    tests: [SHAPES],
  },
  {
    name: 'numbers with a known value are found every other time',
    file: 'bridge/src/secrets/find-values.ts',
    find: 'const NUMBER = /[-+.0-9eE]/;',
    replace: 'const NUMBER = /[-+.0-9eE]/g;',
    tests: [SHAPES],
  },
  {
    name: 'values that the settings name later are not known',
    file: 'bridge/src/secrets/redaction.ts',
    find: 'if (current !== list) {',
    replace: 'if (current !== list && list.length === 0) {',
    tests: [SHAPES],
  },
  {
    name: 'the end of a long text is not looked at',
    file: 'bridge/src/secrets/redaction.ts',
    find: 'text.length <= scratch.length ? scratch : Buffer.allocUnsafe(text.length)',
    replace: 'scratch',
    tests: [SHAPES],
  },
  {
    name: 'the end of a text with many umlauts is not looked at',
    file: 'bridge/src/secrets/find-values.ts',
    find: 'if (text.length * 3 <= scratch.length) {',
    replace: 'if (text.length <= scratch.length) {',
    tests: [KNOWN],
  },
  {
    name: 'base64 at one of its three alignments is not known',
    file: 'bridge/src/secrets/value-forms.ts',
    find: '[0, 1, 2].flatMap(',
    replace: '[0, 1].flatMap(',
    tests: [KNOWN],
  },
  {
    name: 'a value with a newline at its end is known as a whole only',
    file: 'bridge/src/secrets/value-forms.ts',
    find: '[value, value.trim(), ...toLines(value)]',
    replace: '[value, ...toLines(value)]',
    tests: [KNOWN],
  },
  {
    name: 'escapes are taken off once',
    file: 'bridge/src/secrets/find-values.ts',
    find: "['escapes', 'escapes', 'escapes', 'escapes', 'escapes'],",
    replace: "['escapes'],",
    tests: [KNOWN],
  },
  {
    name: 'a secret found twice is cut at both places',
    file: 'bridge/src/secrets/redaction-ranges.ts',
    find: 'if (start >= from) parts.push',
    replace: 'parts.push',
    tests: [SHAPES],
  },
  {
    name: 'fewer places are looked at than a value needs',
    file: 'bridge/src/secrets/value-index.ts',
    find: 'at += STRIDE) {',
    replace: 'at += STRIDE + 1) {',
    tests: [KNOWN],
  },
];
