// The server as a process, driven over its real transports.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { StdioClientTransport as OldStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makePipe, temporaryFolder } from './harness.ts';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const tsx = fileURLToPath(new URL('../../../node_modules/tsx/dist/loader.mjs', import.meta.url));
const command = [process.execPath, '--import', `file://${tsx}`, main] as const;

function start(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): ChildProcessWithoutNullStreams {
  const [program, ...before] = command;
  const child = spawn(program, [...before, ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: 'pipe',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function rootWith(content: string): Promise<string> {
  const root = await temporaryFolder();
  await writeFile(`${root}/a.txt`, content);
  return root;
}

function ask(child: ChildProcessWithoutNullStreams, message: object): void {
  return void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}

const hello = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 't', version: '1' },
};

async function greeted(child: ChildProcessWithoutNullStreams): Promise<void> {
  const lines = createInterface({ input: child.stdout });
  ask(child, { id: 1, method: 'initialize', params: hello });
  await once(lines, 'line');
  ask(child, { method: 'notifications/initialized' });
}

function endIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // As it should be: it is gone.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function urlOf(child: ChildProcessWithoutNullStreams): Promise<URL> {
  for await (const line of createInterface({ input: child.stderr })) {
    const url = /http:\S+/.exec(line)?.[0];
    if (url !== undefined) return new URL(url);
  }
  throw new Error('no URL was printed');
}

describe('over stdio', () => {
  const [program, ...before] = command;

  it('serves a client of the new SDK in the modern era, with subscriptions', async () => {
    const root = await rootWith('hello');
    const client = new Client(
      { name: 't', version: '1' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    );
    await client.connect(
      new StdioClientTransport({ command: program, args: [...before, '--root', root] }),
    );
    onTestFinished(() => client.close());
    const result = await client.callTool({ name: 'read_text', arguments: { path: 'a.txt' } });
    expect(result.structuredContent).toMatchObject({ content: 'hello' });

    const uri = `file://${root}/a.txt`;
    const told = new Promise<string>((resolve) => {
      client.setNotificationHandler('notifications/resources/updated', ({ params }) =>
        resolve(params.uri),
      );
    });
    await client.listen({ resourceSubscriptions: [uri] });
    await client.callTool({ name: 'write', arguments: { path: 'a.txt', content: 'new' } });
    expect(await told).toBe(uri);
    await expect(client.listen({ resourceSubscriptions: ['file:///etc/passwd'] })).rejects.toThrow(
      /outside/,
    );
  });

  it('serves a client of the old SDK', async () => {
    const root = await rootWith('hello');
    const client = new OldClient({ name: 't', version: '1' });
    await client.connect(
      new OldStdio({ command: program, args: [...before, 'stdio', '--root', root] }),
    );
    onTestFinished(() => client.close());
    const result = await client.callTool({ name: 'read_text', arguments: { path: 'a.txt' } });
    expect(result.structuredContent).toMatchObject({ content: 'hello' });
  });

  it('allows nothing without a root, and says how to give one', async () => {
    const client = new OldClient({ name: 't', version: '1' });
    await client.connect(new OldStdio({ command: program, args: [...before] }));
    onTestFinished(() => client.close());
    const result = await client.callTool({ name: 'list' });
    expect(result.isError).toBe(true);
    expect(JSON.stringify(result.content)).toContain('--root /path/to/folder');
  });

  it.each([
    ['its stdin closes', (child: ChildProcessWithoutNullStreams) => void child.stdin.end()],
    [
      'it is told to terminate',
      (child: ChildProcessWithoutNullStreams) => void child.kill('SIGTERM'),
    ],
  ])('ends within a second when %s, even in the middle of a call', async (_when, stop) => {
    const root = await rootWith('x'.repeat(100));
    const child = start(['--root', root]);
    await greeted(child);
    ask(child, {
      id: 2,
      method: 'tools/call',
      params: { name: 'grep', arguments: { pattern: 'x' } },
    });
    const ended = once(child, 'exit');
    const before = performance.now();
    stop(child);
    await ended;
    expect(performance.now() - before).toBeLessThan(1_000);
  });

  it('ends within a second when its parent is killed, though its stdin stays open', async () => {
    // A shell in between, and a stdin that never ends because the server itself holds its other side.
    const fifo = `${await temporaryFolder()}/stdin`;
    makePipe(fifo);
    const script = 'exec 4<>"$0"; "$@" <&4 & echo "$!"; wait';
    const shell = spawn('/bin/sh', ['-c', script, fifo, ...command], { stdio: 'pipe' });
    onTestFinished(() => void shell.kill('SIGKILL'));
    const greeting = { jsonrpc: '2.0', id: 1, method: 'initialize', params: hello };
    await writeFile(fifo, `${JSON.stringify(greeting)}\n`);
    const lines = createInterface({ input: shell.stdout })[Symbol.asyncIterator]();
    const pid = Number((await lines.next()).value);
    onTestFinished(() => endIfAlive(pid));
    await lines.next();
    // Its stdout closes when the last process that holds it is gone.
    const closed = once(shell.stdout, 'close');
    const before = performance.now();
    shell.kill('SIGKILL');
    await closed;
    expect(performance.now() - before).toBeLessThan(1_000);
  });

  it('says in one line what is wrong with its command line', async () => {
    const child = start(['/some/folder']);
    const [line] = (await once(createInterface({ input: child.stderr }), 'line')) as [string];
    expect(line).toBe(
      'drawbridge-filesystem: "/some/folder" is not a command. Folders are given with --root.',
    );
    expect(await once(child, 'exit')).toEqual([2, null]);
  });
});

describe('over HTTP', () => {
  it('serves clients of both SDKs and eras', async () => {
    const root = await rootWith('hello');
    const url = await urlOf(start(['--http', '--root', root]));
    const modern = new Client(
      { name: 't', version: '1' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    );
    await modern.connect(new StreamableHTTPClientTransport(url));
    onTestFinished(() => modern.close());
    const old = new OldClient({ name: 't', version: '1' });
    await old.connect(new OldHttp(url) as Parameters<OldClient['connect']>[0]);
    onTestFinished(() => old.close());
    for (const client of [modern, old]) {
      const result = await client.callTool({ name: 'read_text', arguments: { path: 'a.txt' } });
      expect(result.structuredContent).toMatchObject({ content: 'hello' });
    }
  });

  it('refuses foreign hosts and origins on loopback', async () => {
    const url = await urlOf(start(['--http']));
    const { request } = await import('node:http');
    const statusWith = (headers: Record<string, string>) =>
      new Promise<number | undefined>((resolve, reject) => {
        request(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
        })
          .once('response', (response) => resolve(response.resume().statusCode))
          .once('error', reject)
          .end('{}');
      });
    expect(await statusWith({ host: 'evil.example' })).toBe(403);
    expect(await statusWith({ origin: 'https://evil.example' })).toBe(403);
    expect(await statusWith({})).toBe(400);
  });

  it('refuses an address beyond loopback without a token, and every request without it with one', async () => {
    const refused = start(['--http', '--host', '0.0.0.0']);
    const [line] = (await once(createInterface({ input: refused.stderr }), 'line')) as [string];
    expect(line).toContain('DRAWBRIDGE_SERVER_TOKEN');
    expect(await once(refused, 'exit')).toEqual([2, null]);

    const root = await rootWith('hello');
    await mkdir(`${root}/in`);
    const url = await urlOf(
      start(['--http', '--host', '0.0.0.0', '--root', root], { DRAWBRIDGE_SERVER_TOKEN: 's3cret' }),
    );
    url.hostname = '127.0.0.1';
    expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(401);
    const client = new Client(
      { name: 't', version: '1' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    );
    await client.connect(
      new StreamableHTTPClientTransport(url, {
        requestInit: { headers: { authorization: 'Bearer s3cret' } },
      }),
    );
    onTestFinished(() => client.close());
    expect((await client.listTools()).tools.length).toBeGreaterThan(10);
  });
});
