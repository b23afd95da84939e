// mcp-proxy from npm. One server for all callers; the event store, which only costs, is off.
import { startProcess } from '../running-process.ts';
import { type Contender, STDIO_SERVER } from './contender.ts';
import { readNpmPackage } from './npm-package.ts';

export function createMcpProxy(): Contender {
  const { version, script } = readNpmPackage('mcp-proxy');
  return {
    name: 'mcp-proxy',
    about: `mcp-proxy ${version} (2026-07-28), without its event store`,
    start: ({ folder, port }) =>
      Promise.resolve({
        target: { wire: 'modern', url: `http://127.0.0.1:${port}/mcp`, headers: {}, prefix: '' },
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
