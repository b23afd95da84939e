// An issue in the settings costs what it stands in, and nothing else.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LONG, type Project, WAIT, createProject } from './project-fixture.ts';

const talker = {
  command: process.execPath,
  args: [join(import.meta.dirname, '../support/servers/talker.mjs')],
};

let project: Project;
let config: string;
beforeEach(async () => {
  project = await createProject();
  const outside = `${project.cwd}-outside`;
  mkdirSync(outside, { mode: 0o700 });
  config = join(outside, 'settings.json');
}, LONG);
afterEach(async () => {
  await project.close();
  rmSync(join(config, '..'), { recursive: true, force: true });
}, LONG);

interface Server {
  readonly name: string;
  readonly state: string;
  readonly lastError?: string;
  readonly toolCount: number;
  readonly pids: readonly number[];
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const url = await project.untilRunning();
  const token = readFileSync(join(project.home, 'token'), 'utf8').trim();
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  return fetch(`${url}${path}`, { ...init, headers });
}

async function serverOf(name: string): Promise<Server | undefined> {
  await (await ask('/v1/tools')).text();
  const { servers } = (await (await ask('/v1/servers')).json()) as { servers: Server[] }; // its own documented shape
  return servers.find((server) => server.name === name);
}

it(
  'disables the server whose entry is faulty, says so, and serves the others',
  async () => {
    const settings = {
      mcpServers: {
        good: talker,
        unset: { ...talker, env: { KEY: '${DRAWBRIDGE_TEST_UNSET}' } },
        wrong: { command: 7 },
        optioned: talker,
      },
      drawbridge: { servers: { optioned: { timout: '5s' } }, limits: { bodyBytes: 'many' } },
    };
    // With the byte order mark that some editors put in front.
    writeFileSync(config, `\uFEFF${JSON.stringify(settings)}`);
    const start = project.run(['start', '--config', config]);
    expect(await serverOf('good')).toMatchObject({ state: 'ready' });
    for (const [name, why] of [
      ['unset', 'DRAWBRIDGE_TEST_UNSET'],
      ['wrong', 'mcpServers.wrong.command'],
      ['optioned', '"timout"'],
    ] as const) {
      expect(await serverOf(name)).toMatchObject({
        state: 'disabled',
        toolCount: 0,
        lastError: expect.stringContaining(why),
      });
    }
    const servers = project.run(['servers']);
    expect(await servers.stdout).toContain('DRAWBRIDGE_TEST_UNSET');
    expect(await project.run(['doctor', '--config', config]).stdout).toContain(
      'drawbridge.limits.bodyBytes',
    );
    start.child.kill('SIGTERM');
    expect(await start.code).toBe(0);
    expect(await start.stdout).toContain('drawbridge.limits.bodyBytes');
  },
  LONG,
);

it(
  'at a reload, leaves the server as it was, running',
  async () => {
    const write = (good: object) =>
      writeFileSync(config, JSON.stringify({ mcpServers: { good, other: talker } }));
    write(talker);
    project.run(['start', '--config', config]);
    const before = await serverOf('good');
    expect(before).toMatchObject({ state: 'ready', pids: [expect.any(Number)] });
    write({ ...talker, args: ['${DRAWBRIDGE_TEST_UNSET}'] });
    await vi.waitFor(
      async () =>
        expect(await serverOf('good')).toMatchObject({
          state: 'ready',
          pids: before?.pids,
          lastError: expect.stringContaining('DRAWBRIDGE_TEST_UNSET'),
        }),
      WAIT,
    );
    writeFileSync(config, '{ "mcpServers": ');
    await vi.waitFor(async () => {
      const { pendingSettings } = (await (await ask('/v1/servers')).json()) as {
        pendingSettings?: { message: string };
      }; // its own documented shape
      expect(pendingSettings?.message).toContain('settings.json:1:');
    }, WAIT);
    expect(await serverOf('good')).toMatchObject({ state: 'ready', pids: before?.pids });
    write(talker);
    await vi.waitFor(
      async () => expect(await serverOf('good')).not.toHaveProperty('lastError'),
      WAIT,
    );
    expect(await serverOf('good')).toMatchObject({ pids: before?.pids });
  },
  LONG,
);
