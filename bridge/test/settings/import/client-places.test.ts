import { expect, test } from 'vitest';
import { CLIENTS, toClientPlaces } from '../../../src/settings/import/client-places.ts';

function places(machine: Parameters<typeof toClientPlaces>[1]) {
  return CLIENTS.flatMap((client) => toClientPlaces(client, machine));
}

test('on Linux', () => {
  const machine = { platform: 'linux', env: {}, homeFolder: '/home/me', cwd: '/p' };
  expect(places(machine)).toEqual([
    '/home/me/.config/Claude/claude_desktop_config.json',
    '/p/.mcp.json',
    '/home/me/.claude.json',
    '/p/.cursor/mcp.json',
    '/home/me/.cursor/mcp.json',
    '/p/.vscode/mcp.json',
    '/home/me/.config/Code/User/mcp.json',
  ]);
  expect(places({ ...machine, env: { XDG_CONFIG_HOME: '/x' } })).toContain('/x/Code/User/mcp.json');
});

test('on macOS and on Windows', () => {
  expect(places({ platform: 'darwin', env: {}, homeFolder: '/Users/me', cwd: '/p' })).toEqual(
    expect.arrayContaining([
      '/Users/me/Library/Application Support/Claude/claude_desktop_config.json',
      '/Users/me/Library/Application Support/Code/User/mcp.json',
    ]),
  );
  const windows = { platform: 'win32', homeFolder: 'C:\\Users\\me', cwd: 'D:\\p' };
  expect(places({ ...windows, env: { APPDATA: 'C:\\Roaming' } })).toEqual(
    expect.arrayContaining([
      'C:\\Roaming\\Claude\\claude_desktop_config.json',
      'D:\\p\\.cursor\\mcp.json',
      'C:\\Users\\me\\.claude.json',
    ]),
  );
});
