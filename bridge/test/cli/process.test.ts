import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { Client as ModernClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readRunningBridge } from '../../src/store/home-lock.ts';
import { type TestDatabase, createTestDatabase } from '../support/postgres.ts';

const command = resolve(import.meta.dirname, '../../../bin/drawbridge.js');
const WAIT = { timeout: 40_000, interval: 50 };
const LONG = 60_000;

/** A project folder with a database of its own; whatever was started in it is ended. */
interface Project {
  readonly cwd: string;
  readonly home: string;
  readonly env: Record<string, string>;
  run(args: readonly string[]): Ran;
  untilRunning(): Promise<string>;
  legacy(args: readonly string[]): Promise<LegacyClient>;
  close(): Promise<void>;
}

interface Ran {
  readonly child: ReturnType<typeof spawn>;
  readonly stdout: Promise<string>;
  readonly stderr: Promise<string>;
  readonly code: Promise<number | null>;
}

async function createProject(config: object = {}): Promise<Project> {
  const database: TestDatabase = await createTestDatabase();
  const cwd = mkdtempSync(join(tmpdir(), 'drawbridge-process-'));
  const home = join(cwd, '.drawbridge');
  const filesystem = { command: 'drawbridge', args: ['server', 'filesystem'] };
  const settings = { mcpServers: { filesystem }, ...config };
  writeFileSync(join(cwd, 'mcp.config.json'), JSON.stringify(settings));
  writeFileSync(join(cwd, 'hello.txt'), 'hello from the project');
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '',
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
    },
  };
}

const read = async (client: LegacyClient, path: string) =>
  JSON.stringify(await client.callTool({ name: 'filesystem__read_text', arguments: { path } }));

describe('beside a bridge that was started', () => {
  let project: Project;
  let bridge: Ran;
  let url: string;
  beforeAll(async () => {
    project = await createProject();
    bridge = project.run(['start']);
    url = await project.untilRunning();
  }, LONG);
  afterAll(() => project.close(), LONG);

  it('another one refuses to start in the same home', async () => {
    const second = project.run(['start']);
    expect(await second.code).toBe(3);
    expect(await second.stderr).toContain('already runs');
  });

  it(
    'a call is answered, and a tail shows it with its arguments and result',
    async () => {
      const tail = project.run(['tail']);
      let seen = '';
      tail.child.stdout?.on('data', (chunk: Buffer) => {
        seen += chunk.toString();
      });
      // The tail takes a moment to begin, and begins with what comes then.
      const isTold = () => /read_text .*\n.*✓/.test(seen);
      while (!isTold()) {
        const call = project.run(['call', 'filesystem__read_text', 'path=hello.txt']);
        expect(await call.stdout).toContain('hello from the project');
        expect(await call.code).toBe(0);
      }
      // It may begin in the middle of a call, whose end it tells first.
      const [first, second] = seen.slice(seen.search(/^.*read_text/m)).split('\n');
      expect(first).toContain('filesystem read_text {"path":"hello.txt"}');
      expect(second).toMatch(/^ {2}✓ [\d.]+ m?s .*hello from the project/);
      tail.child.kill('SIGINT');
      expect(await tail.code).toBe(0);
    },
    LONG,
  );

  it(
    'a client over stdio brings folders of its own, for itself alone',
    async () => {
      const elsewhere = mkdtempSync(join(tmpdir(), 'drawbridge-elsewhere-'));
      const path = join(elsewhere, 'own.txt');
      writeFileSync(path, 'a file elsewhere');
      const [own, other] = await Promise.all([
        project.legacy(['--root', elsewhere]),
        project.legacy([]),
      ]);
      expect(await read(own, path)).toContain('a file elsewhere');
      expect(await read(own, join(project.cwd, 'hello.txt'))).toContain('hello from');
      expect(await read(other, path)).not.toContain('a file elsewhere');
      rmSync(elsewhere, { recursive: true });
    },
    LONG,
  );

  it('doctor finds nothing wrong', async () => {
    const doctor = project.run(['doctor', '--json']);
    const found = JSON.parse(await doctor.stdout) as {
      name: string;
      state: string;
      detail: string;
    }[]; // its own documented shape
    expect(found.filter(({ state }) => state === 'fail')).toEqual([]);
    expect(found.find(({ name }) => name === 'bridge')?.detail).toContain(`runs at ${url}`);
    expect(await doctor.code).toBe(0);
  });

  it('the bridge ends when told to, having printed where it answered but no key', async () => {
    const key = readFileSync(join(project.home, 'member-token'), 'utf8').trim();
    bridge.child.kill('SIGTERM');
    expect(await bridge.code).toBe(0);
    expect(await bridge.stderr).toContain(`${url}/mcp`);
    expect((await bridge.stdout) + (await bridge.stderr)).not.toContain(key);
    expect(readRunningBridge(project.home)).toBeUndefined();
  });
});

describe('without a bridge', () => {
  it('one is started for all the clients that start at once, of either era, and again when it left', async () => {
    const project = await createProject();
    try {
      const modern = new ModernClient(
        { name: 'modern', version: '1.0.0' },
        { versionNegotiation: { mode: { pin: '2026-07-28' } } },
      );
      const transport = new ModernTransport({
        command: process.execPath,
        args: [command, 'stdio', '--server', 'filesystem'],
        cwd: project.cwd,
        env: project.env,
        stderr: 'ignore',
      });
      const [one, two] = await Promise.all([
        project.legacy([]),
        project.legacy([]),
        modern.connect(transport, WAIT),
      ]);
      expect(await read(one, 'hello.txt')).toContain('hello from the project');
      expect(await read(two, 'hello.txt')).toContain('hello from the project');
      const call = { name: 'read_text', arguments: { path: 'hello.txt' } };
      expect(JSON.stringify(await modern.callTool(call))).toContain('hello from the project');
      const log = readFileSync(join(project.home, 'logs', 'bridge.log'), 'utf8');
      expect(log).not.toContain('already runs');
      expect(existsSync(join(project.home, 'starting'))).toBe(false);

      const first = readRunningBridge(project.home)?.pid ?? 0;
      process.kill(first, 'SIGTERM');
      await vi.waitFor(() => expect(readRunningBridge(project.home)).toBeUndefined(), WAIT);
      expect(await read(one, 'hello.txt')).toContain('hello from the project');
      expect(readRunningBridge(project.home)?.pid).not.toBe(first);
      await modern.close();
    } finally {
      await project.close();
    }
  }, 120_000);

  it(
    'faults of the settings are told: by start with exit code 2, by stdio as an answer',
    async () => {
      const project = await createProject({ drawbridge: { nonsense: 1 } });
      try {
        const start = project.run(['start', '--port', '99999']);
        expect(await start.code).toBe(2);
        expect(await start.stderr).toContain('DRAWBRIDGE_PORT');
        expect(await start.stderr).toContain('"nonsense"');

        const { child, code } = project.run(['stdio']);
        let said = '';
        child.stdout?.on('data', (chunk: Buffer) => {
          said += chunk.toString();
        });
        child.stdin?.write('{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}\n');
        await vi.waitFor(() => expect(said).toContain('did not start'), WAIT);
        expect(JSON.parse(said)).toMatchObject({ id: 1, error: { code: -32603 } });
        const begin = performance.now();
        child.stdin?.end();
        expect(await code).toBe(0);
        expect(performance.now() - begin).toBeLessThan(1_000);
      } finally {
        await project.close();
      }
    },
    LONG,
  );
});
