// supergateway from npm. It starts a server for each session, and for each request of revision
// 2026-07-28, so it is called in one session, which is its fastest; its log is off.
import { startProcess } from '../running-process.ts';
import { type Contender, STDIO_SERVER } from './contender.ts';
import { readNpmPackage } from './npm-package.ts';

export function createSupergateway(): Contender {
  const { version, script } = readNpmPackage('supergateway');
  return {
    name: 'supergateway',
    about: `supergateway ${version} (2025-11-25, all callers in one session), without its log`,
    start: ({ folder, port }) =>
      Promise.resolve({
        target: { wire: 'legacy', url: `http://127.0.0.1:${port}/mcp`, headers: {}, prefix: '' },
        process: startProcess({
          command: process.execPath,
          args: [
            script,
            '--stdio',
            `exec ${quote(process.execPath)} ${quote(STDIO_SERVER)}`,
            '--outputTransport',
            'streamableHttp',
            '--stateful',
            '--logLevel',
            'none',
            '--port',
            String(port),
          ],
          cwd: folder,
        }),
      }),
  };
}

/** For the shell that it hands the command to. */
function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
