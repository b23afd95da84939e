// mcp-proxy from npm. One server for all callers; the event store, which only costs, is off. It speaks
// both revisions, and is measured in both, because which is the faster depends on the load.
import { startProcess } from '../running-process.ts';
import { type Contender, STDIO_SERVER } from './contender.ts';
import { readNpmPackage } from './npm-package.ts';

export interface McpProxyOptions {
  readonly name: string;
  readonly wire: 'modern' | 'legacy';
}

export function createMcpProxy({ name, wire }: McpProxyOptions): Contender {
  const { version, script } = readNpmPackage('mcp-proxy');
  const spoken = wire === 'modern' ? '2026-07-28' : '2025-11-25, all callers in one session';
  return {
    name,
    about: `mcp-proxy ${version} (${spoken}), without its event store`,
    start: ({ folder, port }) =>
      Promise.resolve({
        target: { wire, url: `http://127.0.0.1:${port}/mcp`, headers: {}, prefix: '' },
        process: startProcess({
          command: process.execPath,
          args: [
            script,
            '--host',
            '127.0.0.1',
            '--port',
            String(port),
            '--server',
            'stream',
            '--no-eventStore',
            '--',
            process.execPath,
            STDIO_SERVER,
          ],
          cwd: folder,
        }),
      }),
  };
}
