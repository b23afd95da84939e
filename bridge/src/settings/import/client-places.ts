// Where MCP clients keep their servers, by platform. Sources: the clients' own documentation, November
// 2026 (modelcontextprotocol.io "Connect to local servers", Claude Code "MCP", Cursor "MCP", VS Code
// "MCP servers").
import { join, posix, win32 } from 'node:path';

export const CLIENTS = ['claude-desktop', 'claude-code', 'cursor', 'vscode'] as const;
export type Client = (typeof CLIENTS)[number];

export const clientTitles: Readonly<Record<Client, string>> = {
  'claude-desktop': 'Claude Desktop',
  'claude-code': 'Claude Code',
  cursor: 'Cursor',
  vscode: 'VS Code',
};

export interface Machine {
  readonly platform: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeFolder: string;
  /** The project. */
  readonly cwd: string;
}

/** The usual files of a client, those of the project first, as they would win there. */
export function toClientPlaces(client: Client, machine: Machine): readonly string[] {
  const { cwd, homeFolder } = machine;
  const { join } = machine.platform === 'win32' ? win32 : posix;
  const settings = (...names: string[]) => join(toSettingsFolder(machine), ...names);
  switch (client) {
    case 'claude-desktop':
      return [settings('Claude', 'claude_desktop_config.json')];
    case 'claude-code':
      return [join(cwd, '.mcp.json'), join(homeFolder, '.claude.json')];
    case 'cursor':
      return [join(cwd, '.cursor', 'mcp.json'), join(homeFolder, '.cursor', 'mcp.json')];
    case 'vscode':
      return [join(cwd, '.vscode', 'mcp.json'), settings('Code', 'User', 'mcp.json')];
    default:
      return client satisfies never;
  }
}

function toSettingsFolder({ platform, env, homeFolder }: Machine): string {
  if (platform === 'win32') return env['APPDATA'] || win32.join(homeFolder, 'AppData', 'Roaming');
  if (platform === 'darwin') return join(homeFolder, 'Library', 'Application Support');
  return env['XDG_CONFIG_HOME'] || join(homeFolder, '.config');
}
