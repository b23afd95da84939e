// A project folder with a database of its own, and commands run in it as a shell would.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { expect, vi } from 'vitest';
import { readRunningBridge } from '../../src/store/home-lock.ts';
import { type TestDatabase, createTestDatabase } from '../support/postgres.ts';

export const command = resolve(import.meta.dirname, '../../../bin/drawbridge.js');
export const WAIT = { timeout: 40_000, interval: 50 };
export const LONG = 60_000;

/** A project folder with a database of its own; whatever was started in it is ended. */
export interface Project {
  readonly cwd: string;
  readonly home: string;
  readonly env: Record<string, string>;
  run(args: readonly string[]): Ran;
  untilRunning(): Promise<string>;
  legacy(args: readonly string[]): Promise<LegacyClient>;
  close(): Promise<void>;
}

export interface Ran {
  readonly child: ReturnType<typeof spawn>;
  readonly stdout: Promise<string>;
  readonly stderr: Promise<string>;
  readonly code: Promise<number | null>;
}

export async function createProject(config: object = {}): Promise<Project> {
  const database: TestDatabase = await createTestDatabase();
  const cwd = mkdtempSync(join(tmpdir(), 'drawbridge-process-'));
  const state = mkdtempSync(join(tmpdir(), 'drawbridge-state-'));
  const home = join(cwd, '.drawbridge');
  const filesystem = { command: 'drawbridge', args: ['server', 'filesystem'] };
  const settings = { mcpServers: { filesystem }, ...config };
  writeFileSync(join(cwd, 'mcp.config.json'), JSON.stringify(settings));
  writeFileSync(join(cwd, 'hello.txt'), 'hello from the project');
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '',
    XDG_STATE_HOME: state,
    DRAWBRIDGE_PORT: '0',
    DATABASE_URL: database.url,
  };
  const closers: (() => Promise<unknown>)[] = [];

  return {
    cwd,
    home,
    env,
    run(args) {
      const child = spawn(process.execPath, [command, ...args], { cwd, env });
      const exited = once(child, 'exit');
      closers.push(async () => {
        if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
        await exited;
      });
      return {
        child,
        stdout: text(child.stdout),
        stderr: text(child.stderr),
        code: exited.then(([code]) => code as number | null), // the event's documented argument
      };
    },
    untilRunning: () =>
      vi.waitFor(() => {
        const url = readRunningBridge(home)?.url;
        if (url === undefined) throw new Error('not yet');
        return url;
      }, WAIT),
    async legacy(args) {
      const client = new LegacyClient({ name: 'legacy', version: '1.0.0' });
      closers.push(() => client.close());
      await client.connect(
        new LegacyTransport({
          command: process.execPath,
          args: [command, 'stdio', ...args],
          cwd,
          env,
          stderr: 'ignore',
        }),
        WAIT,
      );
      return client;
    },
    async close() {
      for (const close of closers.reverse()) await close();
      const running = readRunningBridge(home);
      if (running !== undefined) process.kill(running.pid, 'SIGTERM');
      await vi.waitFor(() => expect(readRunningBridge(home)).toBeUndefined(), WAIT);
      await database.drop();
      rmSync(cwd, { recursive: true, force: true });
      rmSync(state, { recursive: true, force: true });
    },
  };
}
