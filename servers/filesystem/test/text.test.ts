// Reading text: windows, totals, pages, and characters that are never cut in two.
import { open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openWorkbench } from './harness.ts';

const ten = `${Array.from({ length: 10 }, (_, index) => `line ${index + 1}`).join('\n')}\n`;

describe('read_text', () => {
  it.each([
    [{}, 1, 10],
    [{ head: 2 }, 1, 2],
    [{ offset: 9 }, 9, 10],
    [{ offset: 3, limit: 2 }, 3, 4],
    [{ tail: 1 }, 10, 10],
    [{ tail: 3 }, 8, 10],
    [{ tail: 99 }, 1, 10],
  ])('answers with the lines asked for: %j', async (args, first, last) => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a.txt'), ten);
    const { output } = await call('read_text', { path: 'a.txt', ...args });
    const content = ten
      .split('\n')
      .slice(first - 1, last)
      .map((line) => `${line}\n`)
      .join('');
    expect(output).toMatchObject({ content, first_line: first, last_line: last, total_lines: 10 });
  });

  it.each([
    ['', 0],
    ['\n', 1],
    ['a', 1],
    ['a\n', 1],
    ['a\nb', 2],
    ['\n\n', 2],
    ['a\n\nb\n', 3],
  ])('counts the lines of %j', async (content, total) => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a.txt'), content);
    const whole = await call('read_text', { path: 'a.txt' });
    expect(whole.output).toMatchObject({ content, total_lines: total });
    const tail = await call('read_text', { path: 'a.txt', tail: 2 });
    const lines = content.split(/(?<=\n)/);
    expect(tail.output).toMatchObject({ content: lines.slice(-2).join('') });
  });

  it('numbers lines when asked', async () => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a.txt'), ten);
    const { text } = await call('read_text', {
      path: 'a.txt',
      offset: 2,
      limit: 2,
      line_numbers: true,
    });
    expect(text).toContain('\n2\tline 2\n3\tline 3\n');
  });

  it('refuses contradicting windows and lines beyond the end', async () => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a.txt'), ten);
    expect((await call('read_text', { path: 'a.txt', head: 1, tail: 1 })).text).toContain(
      'exclude one another',
    );
    expect((await call('read_text', { path: 'a.txt', offset: 11 })).text).toContain(
      'Allowed: 1 to 10',
    );
  });

  it.each(['é', '漢', '😀', 'a😀é\n', '漢'.repeat(999) + '\n'])(
    'gives a long text in pages that join without a broken character: %j',
    async (unit) => {
      const { call, root } = await openWorkbench();
      const content = unit.repeat(Math.ceil(600_000 / Buffer.byteLength(unit)));
      await writeFile(join(root, 'a.txt'), content);
      let [joined, pages, cursor]: [string, number, unknown] = ['', 0, undefined];
      do {
        const { output } = await call('read_text', {
          path: 'a.txt',
          ...(cursor !== undefined && { cursor }),
        });
        const page = String(output['content']);
        expect(Buffer.byteLength(page)).toBeLessThanOrEqual(256 * 1024);
        expect(page).not.toContain('\uFFFD');
        joined += page;
        pages += 1;
        cursor = output['next'];
      } while (cursor !== undefined);
      expect(pages).toBe(3);
      expect(joined).toBe(content);
    },
  );

  it('pages no further than the limit that was asked for', async () => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a.txt'), `${'x'.repeat(1_000)}\n`.repeat(1_000));
    const first = await call('read_text', { path: 'a.txt', offset: 1, limit: 400 });
    const second = await call('read_text', { path: 'a.txt', cursor: first.output['next'] });
    expect(second.output).toMatchObject({ last_line: 400 });
  });

  it('refuses a cursor of another file', async () => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a.txt'), ten);
    const { output } = await call('read_text', { path: 'a.txt', head: 1 });
    const answer = await call('read_text', { path: './a.txt', cursor: output['next'] });
    expect(answer.text).toContain('does not belong to this listing');
  });

  it('reads windows of a huge file without reading all of it', async () => {
    const { call, root } = await openWorkbench();
    const path = join(root, 'huge.txt');
    await writeFile(path, `${ten}${'-'.repeat(10_000)}`);
    await truncate(path, 20 * 1024 ** 3);
    const file = await open(path, 'r+');
    await file.write('\nlast line\n', 20 * 1024 ** 3);
    await file.close();
    const before = performance.now();
    const head = await call('read_text', { path: 'huge.txt', head: 2 });
    const tail = await call('read_text', { path: 'huge.txt', tail: 1 });
    expect(head.output).toMatchObject({ content: 'line 1\nline 2\n', last_line: 2 });
    expect(tail.output).toMatchObject({ content: 'last line\n' });
    expect(
      (await call('edit', { path: 'huge.txt', old_text: 'line 1', new_text: 'x' })).text,
    ).toContain('bytes');
    expect((await call('read_media', { path: 'huge.txt' })).isError).toBe(true);
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  it('refuses binary files and names the tool for them', async () => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a.bin'), Buffer.from([1, 0, 2]));
    expect((await call('read_text', { path: 'a.bin' })).text).toContain('read_media');
  });
});

describe('read_many', () => {
  it('answers for each file by itself, and stops when the answer is full', async () => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a.txt'), 'a');
    await writeFile(join(root, 'big.txt'), `${'x'.repeat(99)}\n`.repeat(4_000));
    const { output, text } = await call('read_many', {
      paths: ['a.txt', 'none.txt', 'big.txt', 'a.txt'],
    });
    expect(output['files']).toMatchObject([
      { path: 'a.txt', content: 'a' },
      { path: 'none.txt', error: expect.stringContaining('does not exist') },
      { path: 'big.txt', cut: true },
      { path: 'a.txt' },
    ]);
    expect(Buffer.byteLength(text)).toBeLessThan(257 * 1024);
  });
});

describe('read_media', () => {
  it('answers with the picture and its type', async () => {
    const { call, root } = await openWorkbench();
    const png = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
      'base64',
    );
    await writeFile(join(root, 'a.png'), png);
    const { content, output } = await call('read_media', { path: 'a.png' });
    expect(content[1]).toEqual({
      type: 'image',
      mimeType: 'image/png',
      data: png.toString('base64'),
    });
    expect(output).toEqual({ path: 'a.png', media_type: 'image/png', size: png.length });
  });

  it('answers with what it cannot name as an embedded resource', async () => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a.bin'), Buffer.from([1, 0, 2]));
    const { content } = await call('read_media', { path: 'a.bin' });
    expect(content[1]).toMatchObject({
      type: 'resource',
      resource: { mimeType: 'application/octet-stream', blob: 'AQAC' },
    });
  });
});
