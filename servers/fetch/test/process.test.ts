// The server as a process, over stdio.
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { expect, it, onTestFinished } from 'vitest';
import { html, startHost } from './harness.ts';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const tsx = fileURLToPath(new URL('../../../node_modules/tsx/dist/loader.mjs', import.meta.url));
const args = ['--import', `file://${tsx}`, main];

it.each([{ pin: '2026-07-28' }, 'legacy'] as const)('serves a client with %j', async (mode) => {
  const host = await startHost({ '/': html('<h1>Over stdio</h1>') });
  const client = new Client({ name: 't', version: '1' }, { versionNegotiation: { mode } });
  const env = { PATH: process.env['PATH'] ?? '', DRAWBRIDGE_ALLOW_HOSTS: '127.0.0.1' };
  await client.connect(new StdioClientTransport({ command: process.execPath, args, env }));
  onTestFinished(() => client.close());
  const { content } = await client.callTool({ name: 'fetch', arguments: { url: host.url } });
  expect(JSON.stringify(content)).toContain('# Over stdio');
});

it('names a setting that cannot be read', async () => {
  const client = new Client(
    { name: 't', version: '1' },
    { versionNegotiation: { mode: 'legacy' } },
  );
  const env = { PATH: process.env['PATH'] ?? '', DRAWBRIDGE_FETCH_HOST_DELAY_MS: 'soon' };
  await client.connect(new StdioClientTransport({ command: process.execPath, args, env }));
  onTestFinished(() => client.close());
  const { content } = await client.callTool({
    name: 'fetch',
    arguments: { url: 'http://x.example/' },
  });
  expect(JSON.stringify(content)).toContain('DRAWBRIDGE_FETCH_HOST_DELAY_MS');
});

it('ends when its stdin closes in the middle of a conversion', async () => {
  const host = await startHost({ '/': html('<b>x'.repeat(2_000_000)) });
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env['PATH'], DRAWBRIDGE_ALLOW_HOSTS: '127.0.0.1' },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ask = (message: object) =>
    child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const clientInfo = { name: 't', version: '1' };
  ask({
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo },
  });
  await once(child.stdout, 'data');
  ask({ method: 'notifications/initialized' });
  ask({ id: 2, method: 'tools/call', params: { name: 'fetch', arguments: { url: host.url } } });
  await expect.poll(() => host.seen.length, { timeout: 15_000 }).toBe(1);
  const exit = once(child, 'exit');
  child.stdin.end();
  expect(await exit).toEqual([0, null]);
});
