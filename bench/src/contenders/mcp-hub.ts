// mcp-hub from npm. It speaks HTTP with SSE only, and writes to folders of its user, which are moved
// into its own here.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startProcess } from '../running-process.ts';
import { type Contender, SERVER_PREFIX, SERVER_SETTINGS } from './contender.ts';
import { readNpmPackage } from './npm-package.ts';

export function createMcpHub(): Contender {
  const { version, script } = readNpmPackage('mcp-hub');
  return {
    name: 'mcp-hub',
    about: `mcp-hub ${version} (HTTP with SSE, all callers on one stream)`,
    async start({ folder, port }) {
      const config = join(folder, 'mcp-hub.json');
      await writeFile(config, JSON.stringify({ mcpServers: SERVER_SETTINGS }));
      return {
        target: {
          wire: 'sse',
          url: `http://127.0.0.1:${port}/mcp`,
          headers: {},
          prefix: SERVER_PREFIX,
        },
        process: startProcess({
          command: process.execPath,
          args: [script, '--port', String(port), '--config', config],
          cwd: folder,
          env: {
            HOME: folder,
            XDG_STATE_HOME: join(folder, 'state'),
            XDG_CONFIG_HOME: join(folder, 'config'),
            XDG_DATA_HOME: join(folder, 'data'),
            XDG_CACHE_HOME: join(folder, 'cache'),
          },
        }),
      };
    },
  };
}
