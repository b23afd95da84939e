import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { writeConfigFile } from '../../src/settings/edit-config.ts';
import { loadSettingsInForce } from '../../src/settings/in-force.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { type SettingsWatch, watchSettings } from '../../src/settings/watch-settings.ts';

let base: string;
let watch: SettingsWatch | undefined;
const changes: Settings[] = [];
const issues: unknown[] = [];

/** A file of the operator's, outside of the working folder: it is followed. */
function file() {
  return join(base, 'own', 'mcp.config.json');
}
function config(...names: string[]) {
  return JSON.stringify({
    mcpServers: Object.fromEntries(names.map((name) => [name, { command: 'x' }])),
  });
}
function start() {
  const options = {
    env: { XDG_STATE_HOME: join(base, 'state') },
    cwd: join(base, 'work'),
    home: join(base, 'home'),
    configPath: file(),
  };
  watch = watchSettings({
    ...options,
    current: loadSettingsInForce(options),
    onChange: (settings) => changes.push(settings),
    onIssue: (error) => issues.push(error),
    debounce: 20,
  });
}
function names() {
  return changes.map(({ upstreams }) => upstreams.map(({ name }) => name).join());
}

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'drawbridge-watch-'));
  for (const name of ['own', 'work', 'home']) mkdirSync(join(base, name));
  changes.length = 0;
  issues.length = 0;
});
afterEach(async () => {
  await watch?.close();
  rmSync(base, { recursive: true, force: true });
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
    expect(issues).toEqual([]);
  });

  it('keeps the old settings while the file is not JSON, and says where', async () => {
    writeFileSync(file(), config('a'));
    start();
    writeFileSync(file(), '{ "mcpServers": ');
    await vi.waitFor(() => expect(String(issues[0])).toContain('mcp.config.json:1:'));
    expect(names()).toEqual([]);
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

  it('takes a file over that never rests, from time to time', async () => {
    writeFileSync(file(), config('a'));
    start();
    let count = 0;
    const writing = setInterval(() => writeFileSync(file(), config(`n${(count += 1)}`)), 5);
    try {
      await vi.waitFor(() => expect(changes.length).toBeGreaterThan(2));
    } finally {
      clearInterval(writing);
    }
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
