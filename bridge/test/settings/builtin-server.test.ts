// A server that ships with Drawbridge, as an entry of the settings names it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type SettingsOptions, loadSettings } from '../../src/settings/settings.ts';

let cwd: string;
let packageRoot: string;
let bundle: string;
const manifest = { name: 'io.example/clock', description: 'Time.', version: '1.0.0' };
const entry = { command: 'drawbridge', args: ['server', 'clock', '--utc'], env: { A: 'b' } };

function writeManifest(more: object): void {
  const file = join(packageRoot, 'registry/servers/clock.json');
  writeFileSync(file, JSON.stringify({ ...manifest, ...more }));
}

function load(mcpServers: object, options: Partial<SettingsOptions> = {}) {
  writeFileSync(join(cwd, 'mcp.config.json'), JSON.stringify({ mcpServers }));
  return loadSettings({ env: {}, cwd, ...options });
}

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'drawbridge-builtin-'));
  packageRoot = join(cwd, 'package');
  bundle = join(packageRoot, 'servers/clock/dist/main.js');
  mkdirSync(join(packageRoot, 'registry/servers'), { recursive: true });
  mkdirSync(join(bundle, '..'), { recursive: true });
  writeFileSync(bundle, '');
  writeManifest({});
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

test('it starts from its bundle where there is one, with its own arguments', () => {
  expect(load({ clock: entry }, { packageRoot }).upstreams[0]).toMatchObject({
    builtin: true,
    transport: { command: process.execPath, args: [bundle, '--utc'], env: { A: 'b' } },
  });
});

test('it gets what the registry declares of the environment, and its secrets are hidden', () => {
  const environmentVariables = [{ name: 'CLOCK_ZONE' }, { name: 'CLOCK_KEYS', isSecret: true }];
  const transport = { type: 'stdio' };
  writeManifest({
    packages: [{ registryType: 'npm', identifier: 'clock', transport, environmentVariables }],
  });
  const keys = JSON.stringify({ 'a.example': { username: 'anybody', password: 'hidden-word' } });
  const env = { CLOCK_ZONE: 'UTC', CLOCK_KEYS: keys, OTHER: 'not declared', A: 'replaced' };
  const servers = { clock: entry, other: { command: 'clock' } };
  const { upstreams, secretValues } = load(servers, { packageRoot, env });
  expect(upstreams.map((each) => each.transport)).toMatchObject([
    { env: { CLOCK_ZONE: 'UTC', CLOCK_KEYS: keys, A: 'b' } },
    { env: {} },
  ]);
  expect(upstreams[0]?.transport).not.toHaveProperty('env.OTHER');
  expect(upstreams[1]?.transport).not.toHaveProperty('env.CLOCK_ZONE');
  expect(secretValues).toEqual([keys, 'hidden-word']);
});

test('it starts from its sources where there is no bundle', () => {
  const { transport } =
    load({ fs: { ...entry, args: ['server', 'filesystem'] } }).upstreams[0] ?? {};
  if (transport?.kind !== 'stdio') throw new Error('not a process');
  expect(transport.command).toBe(process.execPath);
  expect(transport.args.at(-1)).toMatch(/servers\/filesystem\/(src\/main\.ts|dist\/main\.js)$/);
});

test('it is not any other command that ends the same way', () => {
  const { upstreams } = load({
    fs: { command: '/tmp/drawbridge', args: ['server', 'filesystem'] },
  });
  expect(upstreams[0]?.builtin).toBe(false);
});
