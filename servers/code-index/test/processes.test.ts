// The server as processes, over stdio: two on one index, killed ones, and what they leave.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as OldStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { expect, it, onTestFinished } from 'vitest';
import { temporaryFolder, writeFiles } from './harness.ts';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const tsx = fileURLToPath(new URL('../../../node_modules/tsx/dist/loader.mjs', import.meta.url));
const WAIT = { timeout: 60_000 };

interface Place {
  root: string;
  state: string;
}

async function openPlace(files: number): Promise<Place> {
  const base = await temporaryFolder();
  const [root, state] = [join(base, 'root'), join(base, 'state')];
  await mkdir(state, { mode: 0o700 });
  await mkdir(root);
  const lines = Array.from({ length: 60 }, (_, n) => `export const value${n} = ${n};`).join('\n');
  await writeFiles(
    root,
    Object.fromEntries(
      Array.from({ length: files }, (_, n) => [
        `m${n % 10}/f${n}.ts`,
        `export function name${n}() {}\n${lines}\n`,
      ]),
    ),
  );
  return { root, state };
}

function commandOf({ root, state }: Place) {
  return {
    command: process.execPath,
    args: ['--import', `file://${tsx}`, main, '--root', root],
    env: { PATH: process.env['PATH'] ?? '', HOME: state, DRAWBRIDGE_SERVER_STATE: state },
  };
}

async function start(place: Place) {
  const transport = new StdioClientTransport(commandOf(place));
  const client = new Client(
    { name: 't', version: '1' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  );
  await client.connect(transport);
  onTestFinished(() => client.close());
  const call = async (name: string, args: Record<string, unknown> = {}) => {
    const { structuredContent, isError } = await client.callTool({ name, arguments: args }, WAIT);
    expect(isError).not.toBe(true);
    // Checked by the client against the tool's output schema.
    return structuredContent as Record<string, never>;
  };
  return { client, call, pid: transport.pid ?? 0 };
}

function databaseOf({ state }: Place): string {
  return join(state, readdirSync(state).find((name) => name.endsWith('.db')) ?? '');
}

it('serves a client of the old SDK', async () => {
  const place = await openPlace(3);
  const client = new OldClient({ name: 't', version: '1' });
  await client.connect(new OldStdio(commandOf(place)));
  onTestFinished(() => client.close());
  const result = await client.callTool({ name: 'find_definition', arguments: { name: 'name2' } });
  expect(result.structuredContent).toMatchObject({ symbols: [{ path: 'm2/f2.ts', line: 1 }] });
});

it('shares one index with another process, which sees what this one wrote', async () => {
  const place = await openPlace(150);
  const [one, two] = await Promise.all([start(place), start(place)]);
  const built = await Promise.all([one.call('index'), two.call('index')]);
  expect(built.map(({ files }) => files)).toEqual([150, 150]);
  expect(await one.call('status')).toMatchObject({ roots: [{ files: 150, symbols: 150 * 61 }] });
  await writeFile(join(place.root, 'new.ts'), 'export function brandNew() {}\n');
  for (const { call } of [one, two]) {
    expect(await call('find_definition', { name: 'brandNew' })).toMatchObject({
      symbols: [{ path: 'new.ts' }],
    });
  }
  expect((await readdir(place.state)).filter((name) => name.endsWith('.db'))).toHaveLength(1);
}, 90_000);

it('goes on after one was killed in the middle of indexing', async () => {
  const place = await openPlace(600);
  const first = await start(place);
  const indexing = first.client.callTool({ name: 'index', arguments: {} }, WAIT).catch(() => {});
  await expect
    .poll(() => existsSync(databaseOf(place)) && readFileSync(`${databaseOf(place)}-wal`).length, {
      timeout: 30_000,
    })
    .toBeGreaterThan(300_000);
  const children = readFileSync(`/proc/${first.pid}/task/${first.pid}/children`, 'utf8');
  process.kill(first.pid, 'SIGKILL');
  await indexing;
  const second = await start(place);
  const { files, symbols } = await second.call('index');
  expect([files, symbols]).toEqual([600, 600 * 61]);
  for (const pid of children.split(' ').filter((each) => each.trim() !== '')) {
    expect(existsSync(`/proc/${pid.trim()}/exe`)).toBe(false);
  }
}, 90_000);

it('builds a damaged index again', async () => {
  const place = await openPlace(20);
  const first = await start(place);
  await first.call('index');
  await first.client.close();
  // What was written last lies beside the file, and would mend it.
  await rm(`${databaseOf(place)}-wal`, { force: true });
  await writeFile(databaseOf(place), 'no database at all '.repeat(1_000));
  const second = await start(place);
  expect(await second.call('find_definition', { name: 'name7' })).toMatchObject({
    symbols: [{ path: 'm7/f7.ts' }],
  });
  expect((await readdir(place.state)).some((name) => name.endsWith('.damaged'))).toBe(true);
  await second.client.close();
  await rm(`${databaseOf(place)}-wal`, { force: true });
  await truncate(databaseOf(place), 100);
  const third = await start(place);
  expect((await third.call('index'))['files']).toBe(20);
}, 90_000);
