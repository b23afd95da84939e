import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRedact, createRedactValues } from '../../src/secrets/redaction.ts';
import { cpuMs } from '../support/cost.ts';

const redact = createRedact();
function through(value: unknown, literals: readonly string[] = []): unknown {
  return JSON.parse(createRedact({ literals: () => literals })(JSON.stringify(value)));
}

const R = '[redacted]';
const random = fc.stringMatching(/^[A-Za-z0-9]{40}$/).filter((text) => /\d/.test(text));
const secretName = fc.constantFrom(
  'password',
  'dbPassword',
  'passwd',
  'secret',
  'client_secret',
  'token',
  'access_token',
  'refreshToken',
  'api_key',
  'apiKey',
  'x-api-key',
  'Authorization',
  'cookie',
  'Set-Cookie',
  'private_key',
  'AWS_SECRET_ACCESS_KEY',
  'credentials',
);
const anyText = fc.string({ unit: 'binary', maxLength: 40 });
/** Text that looks for trouble: quotes, backslashes, escapes, names of secrets. */
const nastyText = fc
  .array(
    fc.oneof(
      anyText,
      fc.constantFrom('"', '\\', '\n', '\0', '\ud800', '":"', '\\"', "'", ':', '=', '//', '@'),
      secretName,
      fc.constantFrom('Bearer ', 'sk-', 'eyJ', '-----BEGIN PRIVATE KEY-----', '-----END', '{', ']'),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));
const nastyValue = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    nastyText,
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(nastyText, secretName), tie('value'), { maxKeys: 4 }),
    // JSON inside a string
    tie('value').map((value) => JSON.stringify(value)),
  ),
})).value;

describe('a value under a name that tells a secret', () => {
  test.each([
    [{ password: 'hunter2' }, { password: R }],
    [{ headers: { Authorization: 'Digest abc' } }, { headers: { Authorization: R } }],
    [
      { pin: 1, password: 1234 },
      { pin: 1, password: R },
    ],
    [{ cookies: ['a=b', 'c=d'] }, { cookies: [R, R] }],
    [{ secret: { value: 'x', deep: ['y', 7] } }, { secret: { value: R, deep: [R, R] } }],
    [{ text: 'API_KEY=abc\nNAME=joe' }, { text: `API_KEY=${R}\nNAME=joe` }],
    [{ text: 'https://h/x?access_token=abc&b=1' }, { text: `https://h/x?access_token=${R}&b=1` }],
    [{ text: 'Cookie: a=b; c=d\r\nHost: h' }, { text: `Cookie: ${R}\r\nHost: h` }],
    [{ text: "{'password': 'hunter2'}" }, { text: `{'password': '${R}'}` }],
    [{ text: 'const password = "hunter2";' }, { text: `const password = "${R}";` }],
    [{ text: 'password: correct7horse' }, { text: `password: ${R}` }],
  ])('is taken out of %j', (value, expected) => {
    expect(through(value)).toEqual(expected);
  });

  test.each([1, 2, 3, 4])('is taken out of JSON nested in %i strings', (levels) => {
    let text = JSON.stringify({
      password: 'a "quoted" \\ secret\n',
      other: 'kept',
      n: 5,
      token: 'x',
    });
    for (let level = 1; level < levels; level += 1) text = JSON.stringify({ text });
    let found: unknown = through({ text });
    for (let level = 0; level < levels; level += 1) {
      found = JSON.parse((found as { text: string }).text);
    }
    expect(found).toEqual({ password: R, other: 'kept', n: 5, token: R });
  });

  test('is taken out of indented JSON in a string', () => {
    const text = JSON.stringify({ a: { client_secret: 'xyz' } }, null, 2);
    expect(through({ text })).toEqual({ text: text.replace('xyz', R) });
  });

  test('is taken out at any place, under any such name', () => {
    const isGone = fc.property(secretName, random, nastyValue, (name, secret, other) => {
      const value = { other, [name]: secret, text: JSON.stringify({ a: [{ [name]: secret }] }) };
      return !redact(JSON.stringify(value)).includes(secret);
    });
    expect(fc.check(isGone)).toMatchObject({ failed: false });
  });
});

describe('a secret known by its shape', () => {
  test.each([
    'sk-abcdefghijklmnop1234',
    'sk_live_abcdefghijkl',
    `ghp_${'a1'.repeat(18)}`,
    `github_pat_${'a1'.repeat(15)}`,
    `glpat-${'a1'.repeat(12)}`,
    'AKIAIOSFODNN7EXAMPLE',
    'xoxb-123456789012-abcdef',
    `AIza${'a'.repeat(35)}`,
    `npm_${'a'.repeat(36)}`,
    `dbk_${'a'.repeat(43)}`,
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc-_1',
  ])('%s is taken out of any text', (secret) => {
    for (const text of [
      secret,
      `see "${secret}"`,
      `a\n${secret}\nb`,
      JSON.stringify({ a: secret }),
    ]) {
      expect(redact(JSON.stringify({ text }))).not.toContain(secret);
    }
  });

  test.each([
    ['Authorization is Bearer abcdef123', `Authorization is Bearer ${R}`],
    [`curl -H "X: Basic ${btoa('joe:hunter2')}"`, `curl -H "X: Basic ${R}"`],
    ['postgres://joe:hunter2@host/db', `postgres://joe:${R}@host/db`],
    ['redis://:p@ss@host', `redis://:${R}@host`],
    [
      '-----BEGIN RSA PRIVATE KEY-----\nabc\ndef\n-----END RSA PRIVATE KEY-----',
      `-----BEGIN RSA PRIVATE KEY-----${R}-----END RSA PRIVATE KEY-----`,
    ],
    ['-----BEGIN PRIVATE KEY-----\nabc\ncut off', `-----BEGIN PRIVATE KEY-----${R}`],
  ])('%j', (text, expected) => {
    expect(through({ text })).toEqual({ text: expected });
  });
});

describe('a literal of the settings', () => {
  test('is found as it is, escaped, escaped again, in a key, and in a URL', () => {
    const literal = 'pa"ss\\wo\nrd&1';
    const value = {
      plain: `x${literal}y`,
      nested: JSON.stringify({ a: JSON.stringify({ b: literal }) }),
      url: `q=${encodeURIComponent(literal)}`,
      [literal]: 1,
    };
    const text = JSON.stringify(through(value, [literal]));
    expect(text).not.toContain('pa');
    expect(through(value, [literal])).toMatchObject({ plain: `x${R}y`, url: `q=${R}`, [R]: 1 });
  });

  test('that could be a number is taken out of numbers and strings alike', () => {
    expect(through({ pin: 123456789, text: 'is 234567, yes', n: 5 }, ['234567'])).toEqual({
      pin: R,
      text: `is ${R}, yes`,
      n: 5,
    });
  });

  test('is not searched for when it is too short to be told from ordinary text', () => {
    expect(through({ text: 'abcde' }, ['abc'])).toEqual({ text: 'abcde' });
  });

  test.each([
    ['nothing1', '\nothing1'],
    ['u0000ab', '\0ab'],
    ['0000abc', '\0abc'],
    ['\\x\\y\\z', '\\\\x'],
  ])('%j is not mistaken for the escapes of %j', (literal, text) => {
    expect(through({ text }, [literal])).toEqual({ text });
  });

  test.each([
    ['everywhere', createRedact],
    ['in definitions', createRedactValues],
  ])('may change while the bridge runs, %s', (_where, create) => {
    let literals = ['first-one'];
    const redactNow = create({ literals: () => literals });
    expect(redactNow('"first-one other-one"')).toBe(`"${R} other-one"`);
    literals = ['other-one'];
    expect(redactNow('"first-one other-one"')).toBe(`"first-one ${R}"`);
  });

  test('never survives, whatever it and the text are', () => {
    const literal = nastyText.filter((text) => text.length >= 6 && !/\p{Surrogate}/u.test(text));
    const all = fc.array(literal, { minLength: 1, maxLength: 3 });
    const isGone = fc.property(all, nastyValue, fc.nat(20), (literals, other, at) => {
      const value = {
        other,
        texts: literals.map((text) => `${'x'.repeat(at)} ${text} y`),
        nested: JSON.stringify({ literals }),
      };
      const { texts } = through(value, literals) as typeof value;
      return texts.every((text) =>
        literals.every((secret) => R.includes(secret) || !text.includes(secret)),
      );
    });
    expect(fc.check(isGone, { numRuns: 1_000 })).toMatchObject({ failed: false });
  });
});

test('a text is redacted the same each time, whatever came before', () => {
  const redactKnown = createRedact({ literals: () => ['234567', 'known-value'] });
  const texts = [
    { password: 'hunter2', n: 123_456_789, nextPageToken: 'abc' },
    { text: 'Cookie: a=b; c=d\r\nHost: h', token: 'x' },
    { text: `known-value ghp_${'a1'.repeat(18)} postgres://joe:hunter2@host/db` },
    { text: `AKIAIOSFODNN7EXAMPLE Bearer abcdef123 Basic ${btoa('joe:hunter2')}` },
    { inputSchema: { properties: { password: { type: 'string' } } }, api_key: 'k' },
  ].map((value) => JSON.stringify(value));
  const first = texts.map((text) =>
    createRedact({ literals: () => ['234567', 'known-value'] })(text),
  );
  for (const redacted of first) expect(redacted).toContain(R);
  for (let round = 0; round < 4; round += 1) expect(texts.map(redactKnown)).toEqual(first);
  for (const [index, text] of texts.entries()) {
    for (let round = 0; round < 3; round += 1) expect(redactKnown(text)).toBe(first[index]);
  }
});

test('a secret that is found in several ways is one', () => {
  const token = `ghp_${'a1'.repeat(18)}`;
  const text = `a Bearer ${token} z`;
  expect(through({ password: token, text }, [token])).toEqual({
    password: R,
    text: `a Bearer ${R} z`,
  });
});

test.each([20_000, 1_000_000])('a secret after %i characters is found', (length) => {
  const before = 'x y '.repeat(length / 4);
  const text = { text: `${before} ghp_${'a1'.repeat(18)} password=hunter2` };
  expect(through(text)).toEqual({ text: `${before} ${R} password=${R}` });
});

test.each([
  { max_tokens: 100, token_count: 5, totalTokens: 7, token: 12 },
  { nextPageToken: 'abc', progressToken: 'p1', eos_token: '</s>' },
  { hasPassword: true, password: null, secret: false },
  { text: 'The secret: never give up. Basic understanding of Bearer authentication' },
  { text: 'const token = await getToken(); function f(password: string) {}' },
  { inputSchema: { properties: { password: { type: 'string', description: 'yours' } } } },
  { text: 'https://example.org:8080/a@b and ssh://git@github.com/x' },
  { path: '/home/joe/secrets/readme.md', name: 'task-management-and-planning' },
  { keys: ['a'], monkey: 'b', passwords_rotated_at: 'today' },
])('leaves %j alone', (value) => {
  expect(through(value)).toEqual(value);
});

// Holds: redaction/shape
test('the text stays valid JSON with the same shape, whatever it is', () => {
  const shape = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shape);
    if (typeof value === 'object' && value !== null) return Object.values(value).map(shape);
    return null;
  };
  const isKept = fc.property(
    nastyValue,
    fc.array(nastyText, { maxLength: 3 }),
    (value, literals) => {
      const before: unknown = JSON.parse(JSON.stringify(value));
      const after = through(value, literals);
      // Two keys that hold the same secret become one.
      const hasMerged = JSON.stringify(after).includes(`${R}":`);
      return hasMerged || JSON.stringify(shape(after)) === JSON.stringify(shape(before));
    },
  );
  expect(fc.check(isKept, { numRuns: 2_000 })).toMatchObject({ failed: false });
});

test.each([
  'eyJ',
  'token:',
  "token:'",
  'token: a1',
  'password=\\"',
  '//a:',
  '@',
  'Bearer ',
  'Basic YWJj',
  '\\',
  '\\"',
  '-----BEGIN PRIVATE KEY-----',
  '"secret":{',
  '"password":[',
  '[{"token":',
])('a megabyte of %j takes no longer than its length explains', (unit) => {
  const text = JSON.stringify(unit.repeat(1_000_000 / unit.length));
  expect(cpuMs(() => redact(text))).toBeLessThan(2_000);
});
