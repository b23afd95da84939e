import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  chooseSettings,
  isSameSettings,
  toBuiltinText,
} from '../../src/settings/choose-settings.ts';
import { isWrittenByOwnerOnly, readSettingsText } from '../../src/settings/file-safety.ts';
import { findHome } from '../../src/settings/homes.ts';
import { createSettingsCopies } from '../../src/settings/settings-copies.ts';

const packageRoot = resolve(import.meta.dirname, '../../..');

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'drawbridge-choose-'));
  for (const name of ['work', 'own']) mkdirSync(join(base, name), { mode: 0o700 });
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function text(...names: string[]) {
  return JSON.stringify({
    mcpServers: Object.fromEntries(names.map((name) => [name, { command: 'x' }])),
  });
}

describe('what ships with Drawbridge', () => {
  it('is what runs where nothing was allowed', () => {
    const shipped = readFileSync(join(packageRoot, 'mcp.config.json'), 'utf8');
    expect(isSameSettings(shipped, toBuiltinText(packageRoot))).toBe(true);
  });
});

describe('two texts', () => {
  it.each([
    ['{"a":1}', '{ "a": 1, } // same', true],
    ['{"a":1}', '{"a":2}', false],
    ['{"a":1}', '{"a":1', false],
    ['{"mcpServers":{}}', '{"mcpServers":{},"__proto__":{"drawbridge":{}}}', false],
    ['{"a":[1,2]}', '{"a":[2,1]}', false],
  ])('%s and %s', (one, other, same) => expect(isSameSettings(one, other)).toBe(same));
});

describe('a file that only its owner can write', () => {
  it('is one whose every folder and link is its owner’s', () => {
    const folder = join(base, 'own');
    const file = join(folder, 'settings.json');
    writeFileSync(file, '{}', { mode: 0o600 });
    expect(isWrittenByOwnerOnly(file)).toBe(true);
    chmodSync(file, 0o664);
    expect(isWrittenByOwnerOnly(file)).toBe(false);
    chmodSync(file, 0o600);
    chmodSync(folder, 0o770);
    expect(isWrittenByOwnerOnly(file)).toBe(false);
    chmodSync(folder, 0o700);
    const open = join(base, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    symlinkSync(file, join(open, 'link.json'));
    expect(isWrittenByOwnerOnly(join(open, 'link.json'))).toBe(false);
    symlinkSync(join(open, 'link.json'), join(folder, 'chain.json'));
    expect(isWrittenByOwnerOnly(join(folder, 'chain.json'))).toBe(false);
    symlinkSync('loop.json', join(folder, 'loop.json'));
    expect(isWrittenByOwnerOnly(join(folder, 'loop.json'))).toBe(false);
    expect(isWrittenByOwnerOnly(join(folder, 'gone.json'))).toBe(false);
  });

  it('is read only when it is a file of a sensible size', () => {
    expect(readSettingsText(join(base, 'gone'))).toBeUndefined();
    expect(() => readSettingsText(base)).toThrow('no file');
    const large = join(base, 'large.json');
    writeFileSync(large, ' '.repeat(1024 * 1024 + 1));
    expect(() => readSettingsText(large)).toThrow('1048576');
  });
});

describe('a copy of what was allowed', () => {
  const options = () => ({
    env: { XDG_STATE_HOME: join(base, 'state') },
    cwd: join(base, 'work'),
    home: findHome({ env: {}, cwd: base, home: join(base, 'home') }),
    packageRoot,
  });
  const copies = () => createSettingsCopies(options().home, options().env);
  const path = () => join(base, 'work', 'mcp.config.json');

  // Holds: settings/allowed-only
  it('decides what runs, whatever the file says', () => {
    writeFileSync(path(), text('hostile'));
    copies().write(path(), text('mine'));
    expect(chooseSettings(options())).toMatchObject({
      text: text('mine'),
      pending: { kind: 'changed', text: text('hostile') },
    });
  });

  it('counts only when nobody else can have written it', () => {
    writeFileSync(path(), text('hostile'));
    copies().write(path(), text('hostile'));
    const { folder = '' } = copies();
    expect(chooseSettings(options()).pending).toBeUndefined();
    const [name = ''] = readdirSync(folder);
    chmodSync(join(folder, name), 0o644);
    expect(chooseSettings(options())).toMatchObject({ pending: { kind: 'new' } });
  });

  it('of a file that is not JSON any more stays in force', () => {
    writeFileSync(path(), '{ "mcpServers": ');
    copies().write(path(), text('mine'));
    expect(chooseSettings(options())).toMatchObject({
      text: text('mine'),
      pending: { kind: 'broken', message: expect.stringContaining('mcp.config.json:1:') },
    });
  });

  it('of a home that was named lies in that home', () => {
    expect(copies().folder).toBe(join(base, 'home', 'settings'));
    const found = findHome({ env: {}, cwd: base });
    expect(createSettingsCopies(found, options().env).folder).toBe(
      join(base, 'state', 'drawbridge', 'settings'),
    );
  });
});

describe('a file outside of every root that was named', () => {
  const choose = (configPath: string, cwd = join(base, 'work')) =>
    chooseSettings({
      env: { XDG_STATE_HOME: join(base, 'state') },
      cwd,
      configPath,
      home: findHome({ env: {}, cwd: base, home: join(base, 'home') }),
      packageRoot,
    });

  it('is in force at once', () => {
    const file = join(base, 'own', 'settings.json');
    writeFileSync(file, text('mine'), { mode: 0o600 });
    expect(choose(file)).toMatchObject({ text: text('mine'), isToBeKept: true });
  });

  it('is not where it lies in the working folder or in the home', () => {
    for (const folder of ['work', 'home']) {
      mkdirSync(join(base, folder), { recursive: true });
      const file = join(base, folder, 'settings.json');
      writeFileSync(file, text('mine'), { mode: 0o600 });
      expect(choose(file)).toMatchObject({ pending: { kind: 'new' } });
    }
  });

  it('must exist', () => {
    expect(() => choose(join(base, 'gone.json'))).toThrow('no such file');
  });
});
