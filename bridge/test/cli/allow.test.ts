// Settings are code: what a folder ships, or a member writes, is run only when this user allowed it.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { listServers as listShipped } from '@drawbridge/registry';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readRunningBridge } from '../../src/store/home-lock.ts';
import { LONG, type Project, WAIT, command, createProject } from './project-fixture.ts';

const talker = join(import.meta.dirname, '../support/servers/talker.mjs');

let project: Project;
let config: string;
beforeEach(async () => {
  project = await createProject();
  config = join(project.cwd, 'mcp.config.json');
}, LONG);
afterEach(() => project.close(), LONG);

/** A server that leaves a mark when it is started, and then serves. */
function marking(mark: string) {
  return {
    command: 'sh',
    args: ['-c', `touch '${project.cwd}/${mark}'; exec '${process.execPath}' '${talker}'`],
  };
}
function write(servers: object, path = config, rest: object = {}) {
  return writeFileSync(path, JSON.stringify({ mcpServers: servers, ...rest }));
}
function isMarked(mark: string) {
  return existsSync(join(project.cwd, mark));
}

/** What runs where nothing was allowed. */
const shipped = listShipped().map(({ id }) => id);

/** The servers of the running bridge, once it has asked each of them what it offers. */
async function listServers(): Promise<{ names: string[]; pending?: string | undefined }> {
  const url = await project.untilRunning();
  const headers = {
    Authorization: `Bearer ${readFileSync(join(project.home, 'token'), 'utf8').trim()}`,
  };
  await (await fetch(`${url}/v1/tools`, { headers })).text();
  const answer = (await (await fetch(`${url}/v1/servers`, { headers })).json()) as {
    servers: { name: string }[];
    pendingSettings?: { kind: string };
  }; // its own documented shape
  return { names: answer.servers.map(({ name }) => name), pending: answer.pendingSettings?.kind };
}

async function stop(): Promise<void> {
  const running = readRunningBridge(project.home);
  if (running === undefined) return;
  process.kill(running.pid, 'SIGTERM');
  await vi.waitFor(() => expect(readRunningBridge(project.home)).toBeUndefined(), WAIT);
}

async function run(...args: string[]) {
  const ran = project.run(args);
  return { code: await ran.code, stdout: await ran.stdout, stderr: await ran.stderr };
}

describe('a settings file that was never allowed', () => {
  it(
    'is not run by a start without a terminal, which says so',
    async () => {
      write({ hostile: marking('ran') });
      const start = project.run(['start']);
      expect(await listServers()).toEqual({ names: shipped, pending: 'new' });
      expect(isMarked('ran')).toBe(false);
      expect((await run('servers')).stderr).toContain('drawbridge allow');
      expect((await run('doctor')).stdout).toContain('was never allowed');
      await stop();
      expect(await start.stdout).toContain('was never allowed');
    },
    LONG,
  );

  it(
    'is not run for a client that starts the command in its folder',
    async () => {
      write({ hostile: marking('ran') });
      const client = await project.legacy([]);
      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name)).toContain('filesystem__list');
      expect((await listServers()).names).toEqual(shipped);
      expect(isMarked('ran')).toBe(false);
    },
    LONG,
  );

  it(
    'is run with --allow; what is written into it then waits, across restarts, until it is allowed',
    async () => {
      write({ mine: marking('mine') });
      project.run(['start', '--allow']);
      expect(await listServers()).toEqual({ names: ['mine'], pending: undefined });
      await vi.waitFor(() => expect(isMarked('mine')).toBe(true), WAIT);

      write({ mine: marking('mine'), hostile: marking('hostile') });
      await vi.waitFor(async () => expect((await listServers()).pending).toBe('changed'), WAIT);
      expect((await listServers()).names).toEqual(['mine']);
      await stop();
      project.run(['start', '--allow']);
      expect(await listServers()).toEqual({ names: ['mine'], pending: 'changed' });
      expect(isMarked('hostile')).toBe(false);

      const shown = await run('allow');
      expect(shown.code).toBe(1);
      expect(shown.stderr).toContain('hostile');
      expect((await listServers()).names).toEqual(['mine']);
      expect((await run('allow', '--yes')).code).toBe(0);
      await vi.waitFor(
        async () =>
          expect(await listServers()).toEqual({ names: ['mine', 'hostile'], pending: undefined }),
        WAIT,
      );
    },
    LONG,
  );

  it(
    'may be removed, or replaced by another, without effect',
    async () => {
      write({ mine: marking('mine') });
      project.run(['start', '--allow']);
      await listServers();
      rmSync(config);
      await vi.waitFor(async () => expect((await listServers()).pending).toBe('removed'), WAIT);
      expect((await listServers()).names).toEqual(['mine']);
      await stop();
      project.run(['start']);
      expect(await listServers()).toEqual({ names: ['mine'], pending: 'removed' });
      expect((await run('allow', '--yes')).code).toBe(0);
      await vi.waitFor(async () => expect(await listServers()).toEqual({ names: shipped }), WAIT);
    },
    LONG,
  );

  it(
    'is not taken from another folder through a link',
    async () => {
      const other = join(project.cwd, 'other');
      mkdirSync(other);
      write({ mine: { ...marking('ran'), cwd: '.' } }, join(other, 'mcp.config.json'));
      expect((await run('allow', '--yes', '--config', join(other, 'mcp.config.json'))).code).toBe(
        0,
      );
      rmSync(config);
      symlinkSync(join(other, 'mcp.config.json'), config);
      project.run(['start']);
      expect(await listServers()).toEqual({ names: shipped, pending: 'new' });
      expect(isMarked('ran')).toBe(false);
    },
    LONG,
  );

  it(
    'shows its text so that a terminal neither acts on it nor hides it',
    async () => {
      writeFileSync(
        config,
        `{"mcpServers":{"a\u202e":{"command":"x\\u001b]0;y"}}} // \u001b[2K\u200b`,
      );
      const { stderr } = await run('allow');
      expect(stderr).toContain('\\u{202e}');
      expect(stderr).toContain('\\u{1b}[2K\\u{200b}');
      for (const hidden of ['\u001b', '\u202e', '\u200b']) expect(stderr).not.toContain(hidden);
    },
    LONG,
  );
});

describe('a settings file that only its owner can write, outside of every root', () => {
  let outside: string;
  beforeEach(() => {
    outside = join(dirname(project.cwd), `${project.cwd.split('/').at(-1)}-outside`);
    mkdirSync(outside, { mode: 0o700 });
    config = join(outside, 'settings.json');
  });
  afterEach(() => rmSync(outside, { recursive: true, force: true }));

  it(
    'is followed at once, and no longer once others can write it',
    async () => {
      write({ one: marking('one') });
      project.run(['start', '--config', config]);
      expect(await listServers()).toEqual({ names: ['one'] });
      write({ one: marking('one'), two: marking('two') });
      await vi.waitFor(
        async () => expect(await listServers()).toEqual({ names: ['one', 'two'] }),
        WAIT,
      );
      chmodSync(outside, 0o777);
      write({ one: marking('one'), hostile: marking('hostile') });
      await vi.waitFor(async () => expect((await listServers()).pending).toBe('changed'), WAIT);
      expect((await listServers()).names).toEqual(['one', 'two']);
      expect(isMarked('hostile')).toBe(false);
    },
    LONG,
  );

  it(
    'is not followed where its own text makes its folder a root',
    async () => {
      write({ one: marking('one') }, config, { drawbridge: { projects: { p: { roots: ['.'] } } } });
      project.run(['start', '--config', config]);
      expect(await listServers()).toEqual({ names: shipped, pending: 'new' });
      expect(isMarked('one')).toBe(false);
    },
    LONG,
  );
});

describe('a command that edits the settings', () => {
  it(
    'brings its own edit into force and leaves what waits waiting',
    async () => {
      write({ mine: marking('mine') });
      project.run(['start', '--allow']);
      await listServers();
      write({ mine: marking('mine'), hostile: marking('hostile') });
      await vi.waitFor(async () => expect((await listServers()).pending).toBe('changed'), WAIT);
      const added = await run('add', 'extra', '--', process.execPath, talker);
      expect(added.code).toBe(0);
      await vi.waitFor(
        async () =>
          expect(await listServers()).toEqual({ names: ['mine', 'extra'], pending: 'changed' }),
        WAIT,
      );
      expect((await run('remove', 'mine')).code).toBe(0);
      await vi.waitFor(async () => expect((await listServers()).names).toEqual(['extra']), WAIT);
      expect(Object.keys(JSON.parse(readFileSync(config, 'utf8')).mcpServers)).toEqual([
        'hostile',
        'extra',
      ]);
      expect(isMarked('hostile')).toBe(false);
    },
    LONG,
  );
});

describe('a member with tools that write', () => {
  const write = (path: string) => run('call', 'filesystem__write', `path=${path}`, 'content=x');

  it(
    'writes neither the settings, whatever their name, nor Drawbridge itself, unless a root names it',
    async () => {
      const installation = join(import.meta.dirname, '../../..');
      const settings = JSON.stringify({
        mcpServers: { filesystem: { command: 'drawbridge', args: ['server', 'filesystem'] } },
        drawbridge: { projects: { p: { roots: ['.', join(installation, '..')] } } },
      });
      const own = join(project.cwd, 'own.json');
      writeFileSync(own, settings);
      symlinkSync(own, join(project.cwd, 'link.json'));
      project.run(['start', '--allow', '--config', own]);
      await project.untilRunning();
      expect((await write('free.txt')).code).toBe(0);
      for (const path of ['own.json', './own.json', 'link.json', 'mcp.config.json']) {
        const { code, stdout, stderr } = await write(path);
        expect([path, code]).toEqual([path, 1]);
        expect(stdout + stderr).toContain('reading only');
      }
      expect((await write(join(installation, 'bridge/src/main.ts.x'))).code).toBe(1);
      expect(readFileSync(own, 'utf8')).toBe(settings);
      const moved = await run('call', 'filesystem__move', 'from=own.json', 'to=elsewhere.json');
      expect(moved.code).toBe(1);
    },
    LONG,
  );
});

describe('a home that lies in the folder', () => {
  it(
    'and was not made by Drawbridge is neither joined nor started',
    async () => {
      mkdirSync(join(project.home, 'postgres', 'data'), { recursive: true });
      writeFileSync(
        join(project.home, 'postgres', 'data', 'postgresql.auto.conf'),
        `archive_mode = on\narchive_command = 'touch ${project.cwd}/ran'\n`,
      );
      delete project.env['DATABASE_URL'];
      const start = await run('start');
      expect(start).toMatchObject({ code: 2, stderr: expect.stringContaining('--home') });
      const { child, code } = project.run(['stdio']);
      let said = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      child.stdin?.write('{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}\n');
      await vi.waitFor(() => expect(said).toContain('was not made by Drawbridge'), WAIT);
      child.stdin?.end();
      expect(await code).toBe(0);
      for (const name of ['servers', 'tail']) expect((await run(name)).code).toBe(2);
      expect((await run('backup', 'b')).code).toBe(2);
      expect((await run('doctor')).stdout).toContain('was not made by Drawbridge');
      expect(isMarked('ran')).toBe(false);
    },
    LONG,
  );

  it(
    'by a link does not count, and neither does one that was moved',
    async () => {
      project.run(['start']);
      await project.untilRunning();
      await stop();
      const moved = join(project.cwd, 'moved');
      mkdirSync(moved);
      symlinkSync(project.home, join(moved, '.drawbridge'));
      const { env } = project;
      const options = { cwd: moved, env, encoding: 'utf8' } as const;
      const ran = spawnSync(process.execPath, [command, 'start'], options);
      expect(ran).toMatchObject({ status: 2, stderr: expect.stringContaining('was moved here') });
    },
    LONG,
  );

  it(
    'is used again where it was made, and another that was put in its place is not',
    async () => {
      for (let round = 0; round < 2; round += 1) {
        project.run(['start']);
        await project.untilRunning();
        await stop();
      }
      rmSync(project.home, { recursive: true });
      mkdirSync(join(project.home, 'postgres'), { recursive: true });
      writeFileSync(join(project.home, 'home.json'), '{"id":"a guess"}', { mode: 0o600 });
      expect((await run('start')).stderr).toContain('was not made by Drawbridge');
    },
    LONG,
  );
});

describe('a server without a working folder of its own', () => {
  it(
    'does not run the programs of the project by their name',
    async () => {
      const bin = join(project.cwd, 'node_modules', '.bin');
      mkdirSync(bin, { recursive: true });
      writeFileSync(join(bin, 'some-mcp-server'), `#!/bin/sh\ntouch '${project.cwd}/ran'\n`, {
        mode: 0o755,
      });
      writeFileSync(
        join(project.cwd, 'package.json'),
        JSON.stringify({ workspaces: ['.drawbridge/servers/*'], name: 'hostile' }),
      );
      write({
        runner: {
          command: 'sh',
          args: ['-c', `npx --offline -y some-mcp-server; pwd > '${project.cwd}/where'`],
        },
      });
      project.run(['start', '--allow']);
      await project.untilRunning();
      await listServers();
      await vi.waitFor(() => expect(isMarked('where')).toBe(true), WAIT);
      expect(isMarked('ran')).toBe(false);
      const where = readFileSync(join(project.cwd, 'where'), 'utf8').trim();
      expect(where).toBe(realpathSync(join(project.home, 'servers', 'runner')));
      expect(where.startsWith(project.cwd)).toBe(false);
    },
    LONG,
  );

  it(
    'is warned about when its script lies in a root',
    async () => {
      const script = join(project.cwd, 'server.mjs');
      writeFileSync(script, '');
      const added = await run('add', 'own', '--', process.execPath, script);
      expect(added.stderr).toContain('lies in the root');
      expect((await run('allow', '--yes')).stderr).toContain('lies in the root');
      expect((await run('doctor')).stdout).toContain('lies in the root');
    },
    LONG,
  );
});
