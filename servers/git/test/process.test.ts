// The server as a process, driven over its real transports by clients of both SDKs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as OldStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { expect, it, onTestFinished } from 'vitest';
import { makeRepository, temporaryFolder } from './harness.ts';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const tsx = fileURLToPath(new URL('../../../node_modules/tsx/dist/loader.mjs', import.meta.url));
const before = ['--import', `file://${tsx}`, main];

function open(): { root: string; env: Record<string, string> } {
  const base = temporaryFolder();
  const root = makeRepository(join(base, 'root'), { 'a.txt': 'hello\n' });
  mkdirSync(join(base, 'state'), { mode: 0o700 });
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: base,
    DRAWBRIDGE_SERVER_STATE: join(base, 'state'),
  };
  return { root, env };
}

const modern = { versionNegotiation: { mode: { pin: '2026-07-28' } } } as const;

it('serves a client of the new SDK over stdio', async () => {
  const { root, env } = open();
  const client = new Client({ name: 't', version: '1' }, modern);
  const args = [...before, '--root', root];
  await client.connect(new StdioClientTransport({ command: process.execPath, args, env }));
  onTestFinished(() => client.close());
  const result = await client.callTool({ name: 'log', arguments: {} });
  expect(result.structuredContent).toMatchObject({ commits: [{ subject: 'first' }] });
});

it('serves a client of the old SDK over stdio', async () => {
  const { root, env } = open();
  const client = new OldClient({ name: 't', version: '1' });
  const args = [...before, '--root', root];
  await client.connect(new OldStdio({ command: process.execPath, args, env }));
  onTestFinished(() => client.close());
  const result = await client.callTool({ name: 'show', arguments: {} });
  expect(result.structuredContent).toMatchObject({ files: [{ path: 'a.txt', status: 'A' }] });
});

it('serves a client over HTTP, and ends when it is told to', async () => {
  const { root, env } = open();
  const child = spawn(process.execPath, [...before, '--http', '--root', root], {
    env,
    stdio: 'pipe',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: child.stderr }), 'line')) as [string];
  const url = /http:\S+/.exec(line)?.[0] ?? '';
  const client = new Client({ name: 't', version: '1' }, modern);
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  const result = await client.callTool({ name: 'status', arguments: {} });
  expect(result.structuredContent).toMatchObject({ branch: 'main', total: 0 });
  await client.close();
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
});
