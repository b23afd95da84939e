// No gateway at all: the stdio server under the official client, and the same tools as an HTTP server
// of the official SDK. They show what is the servers' and the protocol's own.
import { startProcess } from '../running-process.ts';
import { type Contender, HTTP_SERVER, STDIO_SERVER } from './contender.ts';

export const directStdio: Contender = {
  name: 'stdio',
  about: 'no gateway: the stdio server, called by the official client',
  start: () =>
    Promise.resolve({
      target: { wire: 'stdio', command: process.execPath, args: [STDIO_SERVER] },
    }),
};

export const directHttp: Contender = {
  name: 'http',
  about: 'no gateway: the same tools on the official SDK over HTTP (2026-07-28)',
  start: ({ folder, port }) =>
    Promise.resolve({
      target: { wire: 'modern', url: `http://127.0.0.1:${port}/mcp`, headers: {}, prefix: '' },
      process: startProcess({
        command: process.execPath,
        args: [HTTP_SERVER, String(port)],
        cwd: folder,
      }),
    }),
};
