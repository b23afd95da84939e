import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkNode } from '../../src/cli/machine-checks.ts';
import { claimHome, findHome } from '../../src/settings/homes.ts';
import { createFolder, runCommand, userState } from './terminal-fixture.ts';

function configOf(cwd: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(cwd, 'mcp.config.json'), 'utf8'));
}

describe('drawbridge add and remove', () => {
  it('begin a file of one’s own from the shipped one', async () => {
    const cwd = createFolder();
    const ran = await runCommand(['add', 'every', '--', 'npx', '-y', 'some-server', '--port=1'], {
      cwd,
    });
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(configOf(cwd)).toMatchObject({
      mcpServers: {
        filesystem: { command: 'drawbridge' },
        every: { command: 'npx', args: ['-y', 'some-server', '--port=1'] },
      },
      drawbridge: { toolsets: { code: expect.arrayContaining(['filesystem__*']) } },
    });
    expect((await runCommand(['remove', 'every'], { cwd })).code).toBe(0);
    expect(configOf(cwd)['mcpServers']).not.toHaveProperty('every');
  });

  it('write URLs with headers, and processes with environment', async () => {
    const cwd = createFolder();
    writeFileSync(join(cwd, 'mcp.config.json'), '{}');
    const env = { TOKEN: 'x' };
    await runCommand(
      [
        'add',
        'web',
        'https://h.test/mcp',
        '--type',
        'http',
        '-H',
        'Authorization: Bearer ${TOKEN}',
      ],
      { cwd, env },
    );
    await runCommand(['add', 'own', '-e', 'A=1=2', '-e', 'B=', '--cwd', 'sub', '--', 'x'], { cwd });
    await runCommand(['add', 'filesystem'], { cwd });
    expect(configOf(cwd)).toEqual({
      mcpServers: {
        web: {
          type: 'http',
          url: 'https://h.test/mcp',
          headers: { Authorization: 'Bearer ${TOKEN}' },
        },
        own: { command: 'x', args: [], env: { A: '1=2', B: '' }, cwd: 'sub' },
        filesystem: { command: 'drawbridge', args: ['server', 'filesystem'] },
      },
    });
  });

  it('leave the file as it is when the server could not be used', async () => {
    const cwd = createFolder();
    writeFileSync(join(cwd, 'mcp.config.json'), '{}');
    const faulty = [
      ['add', 'a__b', '--', 'x'],
      ['add', 'a', 'http://h/', '-H', 'X: ${NOT_SET}'],
      ['add', 'a', '--', 'drawbridge', 'server', 'ghost'],
      ['add', 'unknown'],
      ['add', 'a', '-e', 'novalue', '--', 'x'],
    ];
    for (const argv of faulty) {
      const ran = await runCommand(argv, { cwd });
      expect([argv, ran.code]).toEqual([argv, 2]);
    }
    expect(configOf(cwd)).toEqual({});
  });

  it('say so when a name is taken, or not there', async () => {
    const cwd = createFolder();
    writeFileSync(join(cwd, 'mcp.config.json'), '{"mcpServers":{"a":{"command":"x"}}}');
    expect(await runCommand(['add', 'a', '--', 'y'], { cwd })).toMatchObject({ code: 1 });
    expect(await runCommand(['add', 'a', '--force', '--', 'y'], { cwd })).toMatchObject({
      code: 0,
    });
    expect(await runCommand(['remove', 'b'], { cwd })).toMatchObject({ code: 1 });
  });
});

describe('drawbridge token show', () => {
  it('prints the operator’s or the member’s key of the home', async () => {
    const cwd = createFolder();
    const env = { XDG_STATE_HOME: userState };
    claimHome(findHome({ env, cwd }), env);
    writeFileSync(join(cwd, '.drawbridge', 'token'), 'op\n');
    writeFileSync(join(cwd, '.drawbridge', 'member-token'), 'mem\n');
    expect((await runCommand(['token', 'show'], { cwd })).stdout).toBe('op\n');
    expect((await runCommand(['token', 'show', '--member'], { cwd })).stdout).toBe('mem\n');
  });

  it('says when there is none yet', async () => {
    const ran = await runCommand(['token', 'show']);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain('first start');
  });
});

describe('drawbridge doctor', () => {
  const findings = async (cwd: string, env: Record<string, string> = {}) => {
    const ran = await runCommand(['doctor', '--json'], {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', DRAWBRIDGE_PORT: '0', ...env },
    });
    return {
      code: ran.code,
      found: JSON.parse(ran.stdout) as {
        name: string;
        state: string;
        detail: string;
        fix?: string;
      }[],
    }; // its own documented shape
  };

  it('finds nothing wrong with a fresh folder', async () => {
    const { code, found } = await findings(createFolder());
    expect(found.filter(({ state }) => state === 'fail')).toEqual([]);
    expect(code).toBe(0);
    expect(found.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['node', 'git', 'postgres', 'disk', 'home', 'settings', 'bridge']),
    );
  });

  it('finds issues of the settings, missing commands and folders, and open secrets', async () => {
    const cwd = createFolder();
    const home = join(cwd, '.drawbridge');
    const state = { XDG_STATE_HOME: userState };
    claimHome(findHome({ env: state, cwd }), state);
    writeFileSync(join(home, 'token'), 'k');
    chmodSync(join(home, 'token'), 0o644);
    const write = async (config: object) => {
      writeFileSync(join(cwd, 'mcp.config.json'), JSON.stringify(config));
      expect((await runCommand(['allow', '--yes'], { cwd })).code).toBe(0);
    };
    await write({ mcpServers: { a: {} } });
    const first = await findings(cwd);
    expect(first.code).toBe(1);
    expect(first.found).toContainEqual({
      name: 'settings',
      state: 'fail',
      detail: expect.stringContaining('mcpServers.a'),
    });
    expect(first.found).toContainEqual(
      expect.objectContaining({ name: 'home', fix: `chmod 600 ${join(home, 'token')}` }),
    );
    await write({
      mcpServers: { a: { command: 'no-such-command-here' } },
      drawbridge: { projects: { p: { roots: ['gone'] } } },
    });
    const second = await findings(cwd);
    expect(second.found).toContainEqual(
      expect.objectContaining({
        name: 'servers',
        state: 'fail',
        detail: expect.stringContaining('no-such-command-here'),
      }),
    );
    expect(second.found).toContainEqual(
      expect.objectContaining({
        name: 'settings',
        state: 'warn',
        detail: expect.stringContaining('gone'),
      }),
    );
  });

  it('finds a port that is taken and a database that does not answer', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo; // listening on TCP
    const taken = await findings(createFolder(), { DRAWBRIDGE_PORT: String(port) });
    expect(taken.found).toContainEqual(
      expect.objectContaining({
        name: 'bridge',
        state: 'fail',
        detail: expect.stringContaining('EADDRINUSE'),
      }),
    );
    await new Promise((resolve) => {
      server.close(resolve);
    });
    const lost = await findings(createFolder(), {
      DATABASE_URL: `postgres://u:pw@127.0.0.1:${port}/d`,
    });
    const postgres = lost.found.find(({ name }) => name === 'postgres');
    expect(postgres).toMatchObject({
      state: 'fail',
      detail: expect.stringContaining('ECONNREFUSED'),
    });
    expect(JSON.stringify(lost.found)).not.toContain('pw@');
  });

  it.each([
    ['18.20.0', 'fail'],
    ['20.18.3', 'fail'],
    ['20.19.0', 'ok'],
    ['22.1.0', 'ok'],
  ])('takes Node %s for %s', (version, state) => expect(checkNode(version).state).toBe(state));
});
