// One PostgreSQL for a whole test run, with a migrated database that each test clones. It is the one
// that ships, or the server of TEST_DATABASE_URL or DATABASE_URL, for the same tests on another version.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { pino } from 'pino';
import type { TestProject } from 'vitest/node';
import { createEmbeddedServer } from '../../src/store/embedded/server.ts';
import { prepareDatabase } from '../../src/store/prepare.ts';

export interface TestServer {
  /** Of a database that is only for making and dropping others. */
  readonly url: string;
  readonly template: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    postgres: TestServer;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['TEST_DATABASE_URL'] ?? process.env['DATABASE_URL'];
  const server = given === undefined ? await startServer() : { url: given, stop: async () => {} };
  const template = `drawbridge_template_${randomUUID().slice(0, 8)}`;
  await query(server.url, `create database ${template}`);
  const client = new Client({ connectionString: toDatabaseUrl(server.url, template) });
  await client.connect();
  await prepareDatabase(client, pino({ level: 'silent' }));
  await client.end();
  project.provide('postgres', { url: server.url, template });
  return async () => {
    await query(server.url, `drop database ${template}`);
    await server.stop();
  };
}

export async function query(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

export function toDatabaseUrl(serverUrl: string, database: string): string {
  return serverUrl.replace(/\/[^/?]*(\?.*)?$/, `/${database}$1`);
}

async function startServer(): Promise<{ url: string; stop: () => Promise<void> }> {
  const home = await mkdtemp(join(tmpdir(), 'drawbridge-test-postgres-'));
  const server = await createEmbeddedServer({
    home,
    logger: pino({ level: 'warn' }),
    fsync: false,
  });
  return {
    url: server.url,
    async stop() {
      await server.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}
