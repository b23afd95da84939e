// The parts of the stdio transport that no server can show alone: lines, ids, the stderr ring, back-pressure.
import { describe, expect, it } from 'vitest';
import { array, assert as check, nat, property, string } from 'fast-check';
import { LineReader, type OversizedLine } from '../../src/upstreams/stdio/line-reader.ts';
import { toLineOwner } from '../../src/upstreams/stdio/response-id.ts';
import { StderrRing, toTail } from '../../src/upstreams/stdio/stderr-ring.ts';

function read(chunks: readonly Buffer[], maxBytes: number) {
  const lines: string[] = [];
  const oversized: OversizedLine[] = [];
  const reader = new LineReader({
    maxBytes,
    onLine: (line) => lines.push(line.toString()),
    onLargeLine: () => undefined,
    onOversized: (line) => oversized.push(line),
  });
  for (const chunk of chunks) reader.push(chunk);
  return { lines, oversized };
}

describe('the line reader', () => {
  it('gives the same lines however the bytes are cut', () => {
    check(
      property(
        array(string({ unit: 'grapheme', maxLength: 20 })),
        array(nat(200)),
        (texts, cuts) => {
          const lines = texts
            .map((text) => text.replaceAll('\n', ' '))
            .filter((text) => text !== '');
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const at = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b)];
          const chunks = at.map((start, n) => bytes.subarray(start, at[n + 1]));
          expect(read(chunks, 1_000).lines).toEqual(lines);
        },
      ),
    );
  });

  it('skips a line over the limit, keeps its ends, and reads on', () => {
    const long = `HEAD${'x'.repeat(5_000)}TAIL`;
    for (const size of [1, 7, 512, 10_000]) {
      const bytes = Buffer.from(`a\n${long}\nb\n`);
      const chunks = [];
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
      const { lines, oversized } = read(chunks, 1_000);
      expect(lines).toEqual(['a', 'b']);
      expect(oversized.map(({ ended }) => ended)).toEqual([false, true]);
      expect(oversized[1]?.head).toMatch(/^HEADx{508}$/);
      expect(oversized[1]?.tail).toMatch(/^x{508}TAIL$/);
    }
  });

  it('keeps no more than the limit of a line that never ends', () => {
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    const before = process.memoryUsage().arrayBuffers;
    const { oversized } = read(
      Array.from({ length: 200 }, () => Buffer.from(chunk)),
      4 * chunk.length,
    );
    expect(oversized).toHaveLength(1);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(250 * chunk.length);
  });
});

describe('the owner of an oversized line', () => {
  const x = 'x'.repeat(600);
  const ends = (line: string) => [line.slice(0, 512), line.slice(-512)] as const;

  it.each([
    [`{"jsonrpc":"2.0","id":7,"result":{"a":"${x}"}}`, 7],
    [`{"id": "seven", "jsonrpc": "2.0", "error": {"message":"${x}"}}`, 'seven'],
    [`{"result":{"id":9,"a":"${x}"},"jsonrpc":"2.0","id":7}`, 7],
    [`{"result":{"id":9,"a":"${x}"},"id":7,"jsonrpc":"2.0"}`, 7],
  ])('is read from its first or last bytes (%#)', (line, id) => {
    expect(toLineOwner(...ends(line))).toEqual({ kind: 'response', id });
  });

  it('is nobody when the server asks or notifies', () => {
    const notification = `{"jsonrpc":"2.0","method":"notifications/message","params":{"a":"${x}","id":7}}`;
    const request = `{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage","params":{"a":"${x}"}}`;
    expect(toLineOwner(...ends(notification)).kind).toBe('not_a_response');
    expect(toLineOwner(...ends(request)).kind).toBe('not_a_response');
  });

  it('is unknown when the id is out of reach, and never an id inside the result', () => {
    const middle = `{"result":{"a":"${x}"},"id":7,"extra":"${x}","jsonrpc":"2.0"}`;
    const inner = `{"result":{"a":"${x}","b":{"id":9}}}`;
    const quoted = `{"result":{"a":"${x},\\"id\\":9}"}}`;
    for (const line of [middle, inner, quoted]) {
      expect(toLineOwner(...ends(line))).toEqual({ kind: 'unknown' });
    }
  });
});

describe('the stderr ring', () => {
  it('keeps the last 500 lines and cuts long ones', () => {
    const ring = new StderrRing();
    for (let n = 1; n <= 600; n += 1) ring.push(Buffer.from(`line ${n}\n`));
    expect(ring.lines()).toHaveLength(500);
    expect(ring.lines().at(-1)).toBe('line 600');
    ring.push(Buffer.from(`${'y'.repeat(10_000)}\nhalf`));
    expect(ring.lines().at(-2)).toBe(`${'y'.repeat(2_000)}…`);
    expect(ring.lines().at(-1)).toBe('half');
  });

  it('keeps half a megabyte of a flood, in big and in tiny pieces', () => {
    const ring = new StderrRing();
    for (let n = 0; n < 500; n += 1) ring.push(Buffer.from(`${'x'.repeat(1_023)}\n`.repeat(64)));
    for (let n = 0; n < 3_000; n += 1) ring.push(Buffer.from('.'));
    ring.push(Buffer.from('\nlast'));
    expect(ring.lines().at(-1)).toBe('last');
    expect(ring.lines().join('\n').length).toBeLessThan(513 * 1024);
  });

  it('gives its end within a number of bytes', () => {
    expect(toTail(['one', 'two', 'three'], 9)).toBe('two\nthree');
  });
});
