import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { writeConfigFile } from '../../src/settings/edit-config.ts';
import { type Settings, loadSettings } from '../../src/settings/settings.ts';
import { type SettingsWatch, watchSettings } from '../../src/settings/watch-settings.ts';

let cwd: string;
let watch: SettingsWatch | undefined;
const changes: Settings[] = [];
const faults: unknown[] = [];

const file = () => join(cwd, 'mcp.config.json');
const config = (...names: string[]) =>
  JSON.stringify({ mcpServers: Object.fromEntries(names.map((name) => [name, { command: 'x' }])) });
const start = () => {
  const options = { env: {}, cwd };
  watch = watchSettings({
    ...options,
    current: loadSettings(options),
    onChange: (settings) => changes.push(settings),
    onFault: (error) => faults.push(error),
    debounce: 20,
  });
};
const names = () => changes.map(({ upstreams }) => upstreams.map(({ name }) => name).join());

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'drawbridge-watch-'));
  changes.length = 0;
  faults.length = 0;
});
afterEach(async () => {
  await watch?.close();
  rmSync(cwd, { recursive: true, force: true });
});

describe('watchSettings', () => {
  it('tells a file written in place, and one put in its place, each once', async () => {
    writeFileSync(file(), config('a'));
    start();
    writeFileSync(file(), config('a', 'b'));
    await vi.waitFor(() => expect(names()).toEqual(['a,b']));
    writeConfigFile(file(), config('c'));
    await vi.waitFor(() => expect(names()).toEqual(['a,b', 'c']));
    writeFileSync(`${file()}.new`, config('d'));
    renameSync(`${file()}.new`, file());
    await vi.waitFor(() => expect(names()).toEqual(['a,b', 'c', 'd']));
    expect(faults).toEqual([]);
  });

  it('keeps the old settings while the file is faulty, and says what is wrong', async () => {
    writeFileSync(file(), config('a'));
    start();
    writeFileSync(file(), '{ "mcpServers": ');
    await vi.waitFor(() => expect(faults).toHaveLength(1));
    expect(String(faults[0])).toContain('mcp.config.json:1:');
    expect(changes).toEqual([]);
    writeFileSync(file(), config('a', 'b'));
    await vi.waitFor(() => expect(names()).toEqual(['a,b']));
  });

  it('says nothing when only the words changed', async () => {
    writeFileSync(file(), config('a'));
    start();
    writeFileSync(file(), `// a comment\n${config('a')}`);
    // The next real change comes alone: the comment before it was no change.
    await new Promise((resolve) => setTimeout(resolve, 80));
    writeFileSync(file(), config('z'));
    await vi.waitFor(() => expect(names()).toEqual(['z']));
  });

  it('lets a file that appears take the place of the shipped one', async () => {
    start();
    writeFileSync(file(), config('mine'));
    await vi.waitFor(() => expect(names()).toEqual(['mine']));
  });

  it('is quiet once closed', async () => {
    writeFileSync(file(), config('a'));
    start();
    await watch?.close();
    await watch?.close();
    writeFileSync(file(), config('b'));
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(changes).toEqual([]);
  });
});
