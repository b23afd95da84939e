import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRedact } from '../../src/secrets/redaction.ts';
import { cpuMs } from '../support/cost.ts';

/** Holds what base64 of the standard alphabet writes with `/` and `+`, a space, quotes and an umlaut. */
const SECRET = 'pa/ss?>~ "wörd" \\n 1é~~';
const PLAIN = 'Zx9-kQ2_vLm81sTt';
function through(value: unknown, ...known: string[]): string {
  return createRedact({ literals: () => known })(JSON.stringify(value));
}

function everyUnit(text: string) {
  return Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
}
function unicode(text: string, upper = false) {
  return everyUnit(text)
    .map((unit) => {
      const hex = unit.toString(16).padStart(4, '0');
      return `\\u${upper ? hex.toUpperCase() : hex}`;
    })
    .join('');
}
function percents(text: string, upper = true) {
  return [...Buffer.from(text)]
    .map((byte) => {
      const hex = byte.toString(16).padStart(2, '0');
      return `%${upper ? hex.toUpperCase() : hex}`;
    })
    .join('');
}
function some(text: string) {
  return [...text]
    .map((char, at) => (at % 2 === 0 ? percents(char) : encodeURIComponent(char)))
    .join('');
}

function asBase64(text: string, prefix: string) {
  return Buffer.from(`${prefix}${text}:rest`);
}
const encodings: Record<string, (text: string) => string> = {
  'as it is': (text) => text,
  'percent signs, as a URL has them': encodeURIComponent,
  'percent signs for every byte': (text) => percents(text),
  'percent signs in small letters': (text) => percents(text, false),
  'percent signs for some': some,
  'percent signs twice': (text) => encodeURIComponent(encodeURIComponent(text)),
  'a form of a web page': (text) => new URLSearchParams({ a: text }).toString(),
  'escapes for every character': (text) => unicode(text),
  'escapes in capitals': (text) => unicode(text, true),
  'escaped slashes': (text) => JSON.stringify(text).replaceAll('/', '\\/'),
  'base64 with escaped slashes': (text) =>
    asBase64(text, '').toString('base64').replaceAll('/', '\\/'),
  'base64 in a URL': (text) => encodeURIComponent(asBase64(text, 'u:').toString('base64')),
  hex: (text) => Buffer.from(text).toString('hex'),
  'hex in capitals': (text) => Buffer.from(text).toString('hex').toUpperCase(),
  'percent signs in JSON in a string': (text) => JSON.stringify({ url: percents(text) }),
  'escapes of a URL of JSON': (text) => encodeURIComponent(JSON.stringify({ a: text })),
  ...Object.fromEntries(
    ['', 'u', 'us', 'user:'].flatMap((prefix) =>
      (['base64', 'base64url'] as const).map((alphabet) => [
        `${alphabet} after "${prefix}"`,
        (text: string) => asBase64(text, prefix).toString(alphabet),
      ]),
    ),
  ),
};

/** Undoes whatever was done: any part of the secret that can be had back. */
function isLeft(text: string, secret: string): boolean {
  let seen = text;
  for (let level = 0; level < 8; level += 1) {
    const readings = [seen, ...(seen.match(/[\w+/-]{8,}/g) ?? []).flatMap(toDecoded)];
    if (readings.some((reading) => reading.includes(secret))) return true;
    seen = seen
      .replaceAll(/\\u([0-9a-fA-F]{4})/g, (_all, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      )
      .replaceAll(/\\(["\\/])/g, '$1')
      .replaceAll(/(?:%[0-9a-fA-F]{2})+/g, (run) =>
        Buffer.from(run.replaceAll('%', ''), 'hex').toString(),
      );
  }
  return false;
}

function toDecoded(word: string): string[] {
  return [
    Buffer.from(word, 'hex').toString(),
    ...[0, 1, 2, 3].map((skip) => Buffer.from(word.slice(skip), 'base64').toString()),
  ];
}

describe.each(Object.entries(encodings))('a known value in %s', (_name, encode) => {
  test.each([PLAIN, SECRET])('is taken out of values, keys and nested JSON: %s', (secret) => {
    const written = encode(secret);
    const nested = [written];
    for (let level = 0; level < 3; level += 1) {
      nested.push(JSON.stringify({ text: nested.at(-1), [String(nested.at(-1))]: 1 }));
    }
    for (const text of nested) {
      for (const value of [{ text }, { [text]: 1 }, [[`before ${text} after`]], text]) {
        const redacted = through(value, 'another-value', secret);
        expect(redacted).toContain('[redacted]');
        expect(isLeft(redacted, secret)).toBe(false);
        expect(() => JSON.parse(redacted) as unknown).not.toThrow();
      }
    }
  });
});

test('text that a server escaped as it liked is seen through', () => {
  const redact = createRedact({ literals: () => ['https://a/b-secret'] });
  for (const text of [
    String.raw`{"a":"https:\/\/a\/b-secret"}`,
    String.raw`{"a":"\u0068ttps:\u002f\u002Fa/b-secret"}`,
    String.raw`{"https:\/\/a\/b-\u0073ecret":1}`,
    String.raw`{"a":"{\"b\":\"https:\\\/\\\/a\\\/b-secret\"}"}`,
    String.raw`{"a":"{\"b\":\"\\u0068ttps:\\u002f/a/b-secret\"}"}`,
    String.raw`{"a":"\\u0068ttps:\/\/a\/b-secret"}`,
  ]) {
    expect(JSON.stringify(JSON.parse(redact(text)))).toContain('[redacted]');
    expect(redact(text)).not.toContain('secret');
  }
});

test('base64 and hex that were broken into lines are seen through', () => {
  const secret = 'x'.repeat(10) + PLAIN.repeat(6);
  for (const [text, width] of [
    [Buffer.from(`user:${secret}`).toString('base64'), 76],
    [Buffer.from(secret).toString('base64'), 64],
    [Buffer.from(secret).toString('hex'), 60],
  ] as const) {
    for (const end of ['\n', '\r\n']) {
      const wrapped = (text.match(new RegExp(`.{1,${width}}`, 'g')) ?? []).join(end);
      const redacted = JSON.parse(through({ wrapped }, secret)) as { wrapped: string };
      expect(redacted.wrapped.length).toBeLessThan(60);
    }
  }
});

test('a line of a secret that has several is one too', () => {
  const key = `-----BEGIN PRIVATE KEY-----\n${PLAIN}${PLAIN}\nAb3${PLAIN}\n-----END PRIVATE KEY-----\n`;
  expect(through({ a: `cut off: ${PLAIN}${PLAIN}`, b: `Ab3${PLAIN}` }, key)).not.toContain(PLAIN);
});

test('a value that was read with its newline is known without it', () => {
  expect(through({ a: 'before Zx9-kQ2v' }, 'Zx9-kQ2v\n')).toBe('{"a":"before [redacted]"}');
});

test.each(['ä', '\u{1F309}', 'a'])('a value after 16,000 times %j is found', (character) => {
  const text = character.repeat(16_000 / character.length);
  expect(JSON.parse(through({ text: text + PLAIN }, PLAIN))).toEqual({ text: `${text}[redacted]` });
});

test('the bits that a secret shares with its neighbours in base64 go too', () => {
  for (const prefix of ['', 'u', 'us']) {
    const text = asBase64(PLAIN, prefix).toString('base64');
    const redacted = JSON.parse(through({ text }, PLAIN)) as { text: string };
    const [before = '', after = ''] = redacted.text.split('[redacted]');
    expect(Buffer.from(before, 'base64').toString()).toBe(
      prefix.slice(0, (before.length * 3) >> 2),
    );
    expect(after.length).toBeLessThanOrEqual(Math.ceil((':rest'.length * 4) / 3) + 2);
  }
});

test('nothing else is touched', () => {
  for (const value of [
    { a: '100% of %20 and \\u0041 and %zz %', b: 'Zx9-kQ2_vLm81sT' },
    { url: 'https://a.example/x%20y?a=b+c', windows: 'C:\\new\\table\\u12' },
    { long: 'QUJD'.repeat(40), lines: 'QUJD'.repeat(19) + '\n' + 'QUJD'.repeat(19) },
  ]) {
    expect(JSON.parse(through(value, PLAIN, SECRET))).toEqual(value);
  }
});

test('what is written never comes through, whatever stands around it', () => {
  const around = fc.string({ unit: 'binary', maxLength: 30 });
  const encode = fc.constantFrom(...Object.values(encodings));
  const property = fc.property(around, around, encode, encode, (before, after, one, other) => {
    const value = { [`${before}${one(SECRET)}${after}`]: `${after}${other(PLAIN)}${before}` };
    const redacted = through(value, SECRET, PLAIN);
    JSON.parse(redacted);
    return !isLeft(redacted, SECRET) && !isLeft(redacted, PLAIN);
  });
  expect(fc.check(property, { numRuns: 500 })).toMatchObject({ failed: false });
});

const bombs: [name: string, unit: string, known: string][] = [
  ['the beginning of a value', 'aaaaaaaaaaaaaaaa', `${'a'.repeat(4_000)}b`],
  ['the value itself', 'abcabcabc', 'abcabc'],
  ['backslashes', '\\', 'a\\\\\\\\b'],
  ['escapes of escapes', '\\\\u005c\\u005cn', PLAIN],
  ['percent signs', '%2525', PLAIN],
  ['both', '%5C%22\\u0025', PLAIN],
  ['lines of base64', `${'QUJD'.repeat(16)}\n`, PLAIN],
];
test.each(bombs)(
  'four megabytes of %s take less than two seconds of the processor',
  (_name, unit, known) => {
    const text = JSON.stringify(unit.repeat(Math.floor(4_000_000 / unit.length)));
    const redact = createRedact({ literals: () => [known] });
    expect(cpuMs(() => redact(text))).toBeLessThan(2_000);
  },
);
