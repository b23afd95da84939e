// CONNECT: bytes in both directions between a program and the address that was checked.
import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ToolError } from '@drawbridge/kit';
import { createDeadline } from './deadline.ts';
import { toProblem, toRefusal, writeProblem } from './proxy-problem.ts';
import { NO_TARGET, type ProxyRun } from './proxy-run.ts';
import { toPort } from './url-check.ts';

interface Opened {
  request: IncomingMessage;
  socket: Duplex;
  /** What came behind the request's head already. */
  head: Buffer;
}

const AUTHORITY = /^(\[[0-9a-f:.]+\]|[^\s:/@?#\\[\]]+):(\d{1,5})$/i;

/** The same checks as of a URL, so that a host has one reading only. @throws ToolError */
function parseAuthority(text: string, checkUrl: (url: string) => URL) {
  const [, host, port] = AUTHORITY.exec(text) ?? [];
  if (host === undefined || port === undefined)
    throw new ToolError('CONNECT names no host and port.', { allowed: 'host:port' });
  const url = checkUrl(`http://${host}:${port}/`);
  return { hostname: url.hostname, port: toPort(url) };
}

/** Ends both when one fails, and when neither has said anything for long. */
function join(client: Duplex, server: Socket, idleMs: number): void {
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    from.pipe(to);
    from.once('error', () => to.destroy());
    from.once('close', () => to.destroy());
    if (from instanceof Socket) from.setTimeout(idleMs, () => from.destroy());
  }
}

export async function openTunnel({ request, socket, head }: Opened, run: ProxyRun): Promise<void> {
  const { checkUrl, connect, connectMs, idleMs, signal, track, refuse } = run;
  const target = request.url ?? '';
  const deadline = createDeadline({
    signal,
    timeoutMs: connectMs,
    toError: () => new Error('The host did not answer in time.'),
  });
  const leave = () => deadline.abort(new Error('The program has gone.'));
  socket.once('close', leave);
  try {
    const { hostname, port } = parseAuthority(target, checkUrl);
    const server = await connect({ hostname, port, signal: deadline.signal });
    if (socket.destroyed) {
      server.destroy();
      return;
    }
    track(server);
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    if (head.length > 0) server.write(head);
    join(socket, server, idleMs);
  } catch (error) {
    refuse(AUTHORITY.test(target) ? target : NO_TARGET, error);
    writeProblem(
      socket,
      deadline.signal.aborted ? toProblem(502, 'The host did not answer.') : toRefusal(error),
    );
  } finally {
    socket.off('close', leave);
    deadline.close();
  }
}
