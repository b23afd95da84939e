// What the proxy answers by itself, in place of the host that was asked for.
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { ToolError } from '@drawbridge/kit';
import { UnreachableError } from './connection.ts';

export interface Problem {
  status: 400 | 403 | 407 | 501 | 502;
  text: string;
}

/** Milliseconds after the answer for which the connection is still read. */
const LINGER_MS = 1000;

const REASONS: Readonly<Record<Problem['status'], string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  407: 'Proxy Authentication Required',
  501: 'Not Implemented',
  502: 'Bad Gateway',
};

export function toProblem(status: Problem['status'], text: string): Problem {
  return { status, text };
}

/** The guard's own refusals are for the reader; of all else only that it failed. */
export function toRefusal(error: unknown): Problem {
  if (error instanceof UnreachableError) return toProblem(502, error.message);
  if (error instanceof ToolError) return toProblem(403, error.message);
  return toProblem(502, 'The host did not answer.');
}

function toHeaders({ status, text }: Problem): Record<string, string> {
  return {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': String(Buffer.byteLength(text)),
    connection: 'close',
    ...(status === 407 && { 'proxy-authenticate': 'Basic realm="drawbridge"' }),
  };
}

export function toAnswer(response: ServerResponse, problem: Problem): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(problem.status, REASONS[problem.status], toHeaders(problem));
  response.end(problem.text);
}

/** On a connection that no longer speaks HTTP by itself. */
export function writeProblem(socket: Duplex, problem: Problem): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const lines = Object.entries(toHeaders(problem)).map(([name, value]) => `${name}: ${value}`);
  const head = [`HTTP/1.1 ${problem.status} ${REASONS[problem.status]}`, ...lines, '', ''];
  // What the program still sends is read, or its system would drop the answer with the connection.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.once('end', () => socket.destroy());
  socket.end(head.join('\r\n') + problem.text);
}
