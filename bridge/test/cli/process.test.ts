import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client as ModernClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio';
import type { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readRunningBridge } from '../../src/store/home-lock.ts';
import { LONG, type Project, type Ran, WAIT, command, createProject } from './project-fixture.ts';

async function read(client: LegacyClient, path: string) {
  return JSON.stringify(
    await client.callTool({ name: 'filesystem__read_text', arguments: { path } }),
  );
}

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

  it.each(['', '1 of another process'])(
    'one is started though a client that was killed left its start file (%j)',
    async (text) => {
      const project = await createProject();
      try {
        await project.legacy([]);
        process.kill(readRunningBridge(project.home)?.pid ?? 0, 'SIGKILL');
        await vi.waitFor(() => expect(readRunningBridge(project.home)).toBeUndefined(), WAIT);
        writeFileSync(join(project.home, 'starting'), text);
        const next = await project.legacy([]);
        expect(await read(next, 'hello.txt')).toContain('hello from the project');
      } finally {
        await project.close();
      }
    },
    LONG,
  );

  it(
    'issues of the environment are told: by start with exit code 2, by stdio as an answer',
    async () => {
      const project = await createProject();
      try {
        project.env['DRAWBRIDGE_PORT'] = '99999';
        const start = project.run(['start']);
        expect(await start.code).toBe(2);
        expect(await start.stderr).toContain('DRAWBRIDGE_PORT');

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
