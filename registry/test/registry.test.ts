import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPackageRoot, listServers, loadDefinition } from '../src/index.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'drawbridge-registry-'));
  mkdirSync(join(root, 'registry', 'servers'), { recursive: true });
  mkdirSync(join(root, 'registry', 'definitions'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, value: unknown) {
  return writeFileSync(join(root, 'registry', path), JSON.stringify(value));
}

const manifest = { name: 'io.example/clock', description: 'Tells the time.', version: '1.2.3' };

describe('the registry that ships', () => {
  it('has a valid manifest and, where it ships one, a valid definition for every server', () => {
    const servers = listServers();
    expect(servers.map(({ id }) => id)).toContain('filesystem');
    for (const { id, name } of servers) {
      expect(name.endsWith(`/${id}`)).toBe(true);
      expect(() => loadDefinition(id)).not.toThrow();
    }
  });
});

describe('listServers', () => {
  it('orders servers by their id', () => {
    write('servers/b.json', manifest);
    write('servers/a.json', manifest);
    expect(listServers(root).map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it.each([
    ['a name without a namespace', { name: 'clock' }],
    ['a description over 100 characters', { description: 'x'.repeat(101) }],
    ['a version range', { version: '^1.0.0' }],
    ['a version that moves', { version: 'latest' }],
    ['a remote of an unknown transport', { remotes: [{ type: 'ws', url: 'wss://example.test' }] }],
  ])('refuses %s and names the file', (_what, issue) => {
    write('servers/clock.json', { ...manifest, ...issue });
    expect(() => listServers(root)).toThrow(/clock\.json/);
  });
});

describe('loadDefinition', () => {
  it('is nothing where none ships', () => {
    expect(loadDefinition('clock', root)).toBeUndefined();
  });

  it('keeps what a server says of its tools as it is', () => {
    const definition = {
      serverInfo: { name: 'clock', version: '1.2.3' },
      capabilities: { tools: {} },
      tools: [{ name: 'now', inputSchema: { type: 'object' }, 'x-own': 1 }],
      resources: [],
      resourceTemplates: [],
      prompts: [],
    };
    write('definitions/clock.json', definition);
    expect(loadDefinition('clock', root)).toEqual(definition);
  });

  it('refuses a definition without its lists', () => {
    write('definitions/clock.json', { serverInfo: { name: 'clock', version: '1' } });
    expect(() => loadDefinition('clock', root)).toThrow(/clock\.json/);
  });
});

describe('findPackageRoot', () => {
  it('finds the root from a bundle several folders down', () => {
    mkdirSync(join(root, 'bridge', 'dist'), { recursive: true });
    expect(findPackageRoot(`file://${join(root, 'bridge', 'dist', 'main.js')}`)).toBe(root);
  });

  it('says so when there is none', () => {
    expect(() => findPackageRoot('file:///nowhere/main.js')).toThrow(/No registry\/servers/);
  });
});
