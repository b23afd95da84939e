// What every server in the tree must have, so that none is forgotten: its place in the registry, the
// definitions that ship, its line in the settings, its README, and lists that spare a model's context.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { toListing, type ServerDefinition } from '../servers/kit/src/index.ts';

const root = resolve(import.meta.dirname, '..');
const BYTES_PER_TOOL = 700;
const BYTES = 16 * 1024;

/** What every server's `src/server.ts` exports. */
interface ServerModule {
  createDefinition(env: NodeJS.ProcessEnv): ServerDefinition;
}

const read = (path: string) => readFileSync(join(root, path), 'utf8');

const servers = readdirSync(join(root, 'servers')).filter((name) =>
  existsSync(join(root, 'servers', name, 'src/main.ts')),
);

test('the servers are found', () => {
  expect(servers).toContain('filesystem');
});

describe.each(servers)('%s', (name) => {
  const load = async () => {
    const { createDefinition } = (await import(`../servers/${name}/src/server.ts`)) as ServerModule;
    return createDefinition({});
  };

  test('has the name of its folder, in its package, on the wire and in the registry', async () => {
    const { version, title, ...definition } = await load();
    expect(definition.name).toBe(name);
    expect(JSON.parse(read(`servers/${name}/package.json`))).toMatchObject({
      name: `@drawbridge/${name}`,
      version,
    });
    expect(JSON.parse(read(`registry/servers/${name}.json`))).toMatchObject({
      name: `io.drawbridge/${name}`,
      version,
      title,
    });
  });

  test('ships the definitions that it lists (else run `npm run definitions`)', async () => {
    expect(JSON.parse(read(`registry/definitions/${name}.json`))).toEqual(toListing(await load()));
  });

  test('takes no more of a context than 700 bytes a tool and 16 KB in all', async () => {
    const { tools } = toListing(await load());
    const bytes = Buffer.byteLength(JSON.stringify(tools));
    expect(bytes / tools.length).toBeLessThanOrEqual(BYTES_PER_TOOL);
    expect(bytes).toBeLessThanOrEqual(BYTES);
  });

  test('is in the settings that ship, and is told of', () => {
    const { mcpServers } = JSON.parse(read('mcp.config.json'));
    expect(mcpServers[name]).toMatchObject({ command: 'drawbridge', args: ['server', name] });
    expect(read('README.md')).toContain(`servers/${name}/README.md`);
    expect(existsSync(join(root, 'servers', name, 'README.md'))).toBe(true);
  });
});
