// Where a server keeps its own files: what the bridge names, else the user's state.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createStateFolder } from '../src/index.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drawbridge-state-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the bridge names it, and it is made for this user alone when it is asked for', () => {
  const path = join(folder, 'servers/git/state');
  const state = createStateFolder('git', { DRAWBRIDGE_SERVER_STATE: path });
  expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  expect(state()).toBe(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
});

test('alone, it lies in the state of the user', () => {
  const state = createStateFolder('git', { XDG_STATE_HOME: folder });
  expect(state()).toBe(join(folder, 'drawbridge', 'git'));
  const inHome = createStateFolder('git', { HOME: folder });
  expect(inHome()).toBe(join(folder, '.local/state/drawbridge/git'));
});

test('a relative path is refused', () => {
  const state = createStateFolder('git', { DRAWBRIDGE_SERVER_STATE: 'state' });
  expect(state).toThrow(/not an absolute path/);
});

test('a folder that others may write into is refused', () => {
  mkdirSync(join(folder, 'open'));
  chmodSync(join(folder, 'open'), 0o777);
  const state = createStateFolder('git', { DRAWBRIDGE_SERVER_STATE: join(folder, 'open') });
  expect(state).toThrow(/can be written by others/);
});

test('where a file stands in the way, the error says so', () => {
  writeFileSync(join(folder, 'file'), '');
  const state = createStateFolder('git', { DRAWBRIDGE_SERVER_STATE: join(folder, 'file', 'x') });
  expect(state).toThrow(/cannot be made/);
});
