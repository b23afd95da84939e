// A small HTTP server that answers as a test says and remembers what it was asked.
import { type IncomingHttpHeaders, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The JSON body, where there was one. */
  readonly body: Record<string, unknown>;
  /** Resolves when the client has gone before the answer ended. */
  readonly gone: Promise<void>;
}

export type Answer = (asked: Asked, response: ServerResponse) => void | Promise<void>;

export interface HttpFixture {
  readonly url: string;
  readonly asked: Asked[];
  close(): Promise<void>;
}

export async function createHttpFixture(answer: Answer, port = 0): Promise<HttpFixture> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const gone = new Promise<void>((resolve) => {
      response.on('close', () => {
        if (!response.writableFinished) resolve();
      });
    });
    const one: Asked = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: body === '' ? {} : (JSON.parse(body) as Record<string, unknown>), // the tests send objects only
      gone,
    };
    asked.push(one);
    await answer(one, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address() as AddressInfo; // listening on TCP
  return {
    url: `http://127.0.0.1:${address.port}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function sendJson(
  response: ServerResponse,
  value: unknown,
  { status = 200, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}

export function openEvents(response: ServerResponse, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
  response.write(': hello\n\n');
}

export function sendEvent(response: ServerResponse, value: unknown, id?: string): void {
  response.write(
    `${id === undefined ? '' : `id: ${id}\n`}event: message\ndata: ${JSON.stringify(value)}\n\n`,
  );
}
