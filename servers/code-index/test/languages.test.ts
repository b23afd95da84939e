import { describe, expect, it } from 'vitest';
import { openWorkbench, rowsOf } from './harness.ts';
import { SAMPLES } from './sources.ts';

const files = Object.fromEntries(SAMPLES.map(({ path, text }) => [path, text]));

describe.each(SAMPLES)('$language', (sample) => {
  const { path, symbols, used, pattern, language } = sample;

  it('shows definitions, references and structure', async () => {
    const { call } = await openWorkbench({ files: { [path]: files[path] ?? '' } });
    const outline = await call('outline', { path, members: true });
    const known = rowsOf(await call('search_symbols', { query: 'a', limit: 500 }), 'symbols');
    expect(known.length).toBeGreaterThan(0);
    expect(outline.output['broken']).toBeUndefined();
    const shown = new Set<string>();
    for (const symbol of symbols) {
      const name = symbol.split(' ').slice(1).join(' ');
      const found = rowsOf(
        await call('find_definition', { name: name.split('/').at(-1) }),
        'symbols',
      );
      for (const row of found) shown.add(`${row['kind']} ${row['name']}`);
      expect(shown).toContain(symbol);
    }
    const [name, times, line] = used;
    const { output, text } = await call('find_references', { name });
    const references = rowsOf({ output, text, isError: false }, 'references');
    expect(references).toHaveLength(times);
    expect(references.map((each) => each['line'])).toContain(line);
    expect(output['by_name']).toBe(true);
    expect(text).toContain('by name');
    const [shape, matches] = pattern;
    const structure = await call('search_structure', { pattern: shape, language });
    expect(rowsOf(structure, 'matches')).toHaveLength(matches);
  });
});

describe.each(['modern', 'legacy'] as const)('a %s client, over all languages', (era) => {
  let bench: Awaited<ReturnType<typeof openWorkbench>>;

  it('is told of languages, modules, entry points and imports', async () => {
    bench = await openWorkbench({
      era,
      files: {
        ...files,
        'app/main.py': 'from lib import tools\nfrom lib.tools import run\nimport requests\n',
        'lib/tools.py': 'def run(): pass\n',
      },
    });
    const { output } = await bench.call('summary');
    expect(output).toMatchObject({
      languages: { python: 3, go: 1, css: 1 },
      entry_points: ['app/main.py'],
      imports: { 'app -> lib': 1 },
      packages: { requests: 1 },
    });
    const status = await bench.call('status');
    expect(rowsOf(status, 'roots')[0]).toMatchObject({ files: SAMPLES.length + 2 });
    const found = await bench.call('search_code', { query: 'release an idle worker', limit: 1 });
    expect(rowsOf(found, 'hits')[0]).toMatchObject({ path: 'go/pool.go' });
  });
});
