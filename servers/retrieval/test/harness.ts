// A temporary folder, a database in it, and servers that speak the HTTP of Ollama and Qdrant.
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openDatabase, type OpenedDatabase } from '../src/index.ts';

export async function temporaryFolder(): Promise<string> {
  const base = await realpath(await mkdtemp(join(tmpdir(), 'drawbridge-retrieval-')));
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  return base;
}

export async function openTemporary(schema: string): Promise<OpenedDatabase> {
  const opened = await openDatabase({
    path: join(await temporaryFolder(), 'x.db'),
    version: 1,
    schema,
  });
  onTestFinished(() => opened.close());
  return opened;
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString();
  return text === '' ? undefined : JSON.parse(text);
}

export interface Asked {
  method: string;
  path: string;
  body: unknown;
}

/** Serves on loopback until the test is over; answers its URL. */
export async function serve(
  answer: (asked: Asked, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer((request, response) => {
    bodyOf(request).then(
      (body) =>
        answer(
          { method: request.method ?? '', path: request.url?.split('?')[0] ?? '', body },
          response,
        ),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}

export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}
