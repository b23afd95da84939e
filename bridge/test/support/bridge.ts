// A whole bridge for one test file: real store, real servers, real HTTP on a port of its own, and the
// official clients of both generations to talk to it.
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { pino } from 'pino';
import { type Bridge, createBridge } from '../../src/bridge.ts';
import { loadSettings } from '../../src/settings/settings.ts';
import { createTestDatabase } from './postgres.ts';

const root = resolve(import.meta.dirname, '../../..');

/** `@modelcontextprotocol/server-everything` over stdio, as it is added by configuration only. */
export const everything = {
  command: process.execPath,
  args: [
    join(root, 'bridge/node_modules/@modelcontextprotocol/server-everything/dist/index.js'),
    'stdio',
  ],
};

/** A server that sends a log message of each of three levels during a call. */
export const talker = {
  command: process.execPath,
  args: [join(import.meta.dirname, 'servers/talker.mjs')],
};

/** The fixture with tools that do well or badly, one thing each. */
export const modernServer = {
  command: process.execPath,
  args: [join(import.meta.dirname, 'servers/modern-server.mjs')],
};

export const filesystem = { command: 'drawbridge', args: ['server', 'filesystem'] };

export const SECRET = 'a secret of the tests that is long enough';

export interface TestBridge {
  readonly bridge: Bridge;
  readonly url: string;
  readonly folder: string;
  readonly databaseUrl: string;
  readonly config: (config: object) => Promise<void>;
  /** A request with the operator's key, or another one, or none (null). */
  request(path: string, init?: RequestInit & { key?: string | null }): Promise<Response>;
  modern(path?: string): Promise<ModernClient>;
  legacy(path?: string): Promise<{ client: LegacyClient; transport: LegacyTransport }>;
  /** Ends the bridge and starts another one on the same home, database and port. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function startTestBridge(
  config: object = {},
  env: Record<string, string> = {},
): Promise<TestBridge> {
  const folder = await mkdtemp(join(tmpdir(), 'drawbridge-test-'));
  const database = await createTestDatabase();
  const configPath = join(folder, 'mcp.config.json');
  await writeFile(configPath, JSON.stringify({ mcpServers: { filesystem }, ...config }));
  const clients: { close(): Promise<void> }[] = [];
  const load = (port: number) =>
    loadSettings({
      env: { DATABASE_URL: database.url, ...env },
      cwd: folder,
      configPath,
      home: join(folder, 'home'),
      port,
    });
  const open = (port: number) =>
    createBridge({
      settings: load(port),
      secret: SECRET,
      version: '0.0.0-test',
      logger: pino({ level: process.env['TEST_LOG'] ?? 'silent' }),
    });
  let bridge = await open(0);
  const port = Number(new URL(bridge.url).port);
  const { url } = bridge;
  const headers = (key: string): RequestInit => ({ headers: { Authorization: `Bearer ${key}` } });

  return {
    get bridge() {
      return bridge;
    },
    url,
    folder,
    databaseUrl: database.url,
    async config(next) {
      // In one piece, so that several may be under way.
      writeFileSync(configPath, JSON.stringify(next));
      await bridge.configure(load(port));
    },
    request(path, { key = bridge.keys.operator, ...init } = {}) {
      const all = new Headers(init.headers);
      if (key !== null) all.set('Authorization', `Bearer ${key}`);
      if (init.body !== undefined && !all.has('Content-Type'))
        all.set('Content-Type', 'application/json');
      return fetch(url + path, { ...init, headers: all });
    },
    async modern(path = '/mcp') {
      const client = new ModernClient(
        { name: 'modern', version: '1.0.0' },
        { versionNegotiation: { mode: { pin: '2026-07-28' } } },
      );
      await client.connect(
        new ModernTransport(new URL(url + path), { requestInit: headers(bridge.keys.member) }),
      );
      clients.push(client);
      return client;
    },
    async legacy(path = '/mcp') {
      const client = new LegacyClient({ name: 'legacy', version: '1.0.0' });
      const transport = new LegacyTransport(new URL(url + path), {
        requestInit: headers(bridge.keys.member),
      });
      await client.connect(transport as Parameters<LegacyClient['connect']>[0]); // its optional members clash with exactOptionalPropertyTypes
      clients.push(client);
      return { client, transport };
    },
    async restart() {
      await bridge.close();
      bridge = await open(port);
    },
    async close() {
      for (const client of clients) await client.close();
      await bridge.close();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
