import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { guessArgument, parseArguments } from '../src/arguments.ts';
import { parseCommandLine } from '../src/command-line.ts';
import { ToolError, characterEnd, fromCursor, limitText, toCursor, toPage } from '../src/index.ts';
import { toJsonSchema } from '../src/json-schema.ts';

describe('a guessed argument', () => {
  it.each([
    ['file', ['path', 'limit'], 'path'],
    ['dir', ['path'], 'path'],
    ['directory', ['path'], 'path'],
    ['file_path', ['path'], 'path'],
    ['filePath', ['path'], 'path'],
    ['oldText', ['path', 'old_text'], 'old_text'],
    ['old_string', ['old_text', 'new_text'], 'old_text'],
    ['destination', ['from', 'to'], 'to'],
    ['query', ['pattern'], 'pattern'],
    ['max_results', ['limit'], 'limit'],
    ['colour', ['path'], undefined],
  ])('%s among %j means %s', (given, known, meant) => {
    expect(guessArgument(given, known)).toBe(meant);
  });

  it('is looked up in the names of the tool first', () => {
    const schema = z.strictObject({ path: z.string(), into: z.string().optional() });
    expect(() => parseArguments(schema, { path: 'a', target: 'b' }, { target: 'into' })).toThrow(
      '"target" is not an argument here; use "into"',
    );
  });
});

describe('arguments', () => {
  const schema = z.strictObject({ path: z.string(), limit: z.int().max(5).default(1) });

  it('are read strictly, with defaults', () => {
    expect(parseArguments(schema, { path: 'a' })).toEqual({ path: 'a', limit: 1 });
    expect(parseArguments(z.strictObject({}), undefined)).toEqual({});
  });

  it('are refused with every issue at once', () => {
    const attempt = (): unknown => parseArguments(schema, { limit: 9, x: 1 });
    expect(attempt).toThrow(ToolError);
    expect(attempt).toThrow(
      /"path".*"limit".*"x" is not an argument here.*\n.*path \(required\), limit$/s,
    );
    expect(() => parseArguments(schema, [])).toThrow(ToolError);
  });
});

it('a schema has no words that say nothing', () => {
  const schema = z.strictObject({
    count: z.int(),
    on: z.boolean().default(false),
    name: z.string().default('x'),
  });
  expect(toJsonSchema(schema, 'input')).toEqual({
    type: 'object',
    properties: {
      count: { type: 'integer' },
      on: { type: 'boolean' },
      name: { type: 'string', default: 'x' },
    },
    required: ['count'],
    additionalProperties: false,
  });
  expect(toJsonSchema(z.object({ count: z.int() }), 'output')).toEqual({
    type: 'object',
    properties: { count: { type: 'integer' } },
    required: ['count'],
  });
});

describe('text', () => {
  it('is cut between characters', () => {
    expect(limitText('aé漢😀', 4)).toEqual({ text: 'aé', bytes: 3, cut: true });
    expect(limitText('aé漢😀', 9)).toEqual({ text: 'aé漢', bytes: 6, cut: true });
    expect(limitText('aé漢😀', 10)).toEqual({ text: 'aé漢😀', bytes: 10, cut: false });
    expect(characterEnd(Buffer.from('😀'), 3)).toBe(0);
  });
});

describe('a cursor', () => {
  it('leads through a list exactly once', () => {
    const all = Array.from({ length: 7 }, (_, index) => index);
    const seen: number[] = [];
    let cursor: string | undefined;
    do {
      const page = toPage(all, { cursor, limit: 3, scope: ['a'] });
      seen.push(...page.items);
      cursor = page.next;
    } while (cursor !== undefined);
    expect(seen).toEqual(all);
  });

  it.each([
    '',
    'x',
    '..',
    `${toCursor([1], ['b'])}`,
    `${toCursor([1], ['a'])}.1`,
    toCursor([1], ['a']).replace('.1', '.-1'),
  ])('of another listing, or made up, is refused: %j', (cursor) => {
    expect(() => fromCursor(cursor, ['a'])).toThrow(/does not belong to this listing/);
  });
});

describe('a command line', () => {
  it('names roots and a transport', () => {
    expect(parseCommandLine([], '/srv')).toEqual({ run: 'stdio', roots: [] });
    expect(parseCommandLine(['stdio', '--root', 'a', '--root=/b', '--root', ''], '/srv')).toEqual({
      run: 'stdio',
      roots: ['/srv/a', '/b'],
    });
    expect(parseCommandLine(['--http', '--port', '80'], '/')).toMatchObject({
      host: '127.0.0.1',
      port: 80,
    });
    expect(parseCommandLine(['-h'], '/')).toEqual({ run: 'help' });
  });

  it.each([
    [['--port=x', '--http']],
    [['--port=70000', '--http']],
    [['/folder']],
    [['--rot', 'a']],
  ])('that is wrong is refused: %j', (argv) => {
    expect(() => parseCommandLine(argv, '/')).toThrow(/port|not a command|Unknown option/);
  });
});
