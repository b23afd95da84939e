// The files for containers, as far as they can be held without a container engine: what is published,
// who runs as whom, and that no password stands in them.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { readEnvironment } from '../bridge/src/settings/environment.ts';

const root = resolve(import.meta.dirname, '..');
function read(name: string) {
  return readFileSync(join(root, name), 'utf8');
}

interface Service {
  readonly image: string;
  readonly user?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly mem_limit: string;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
}

// A file of this repository; what is missing in it fails a test below.
const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, object>>;
};
const services = Object.entries(compose.services);
const dockerfile = read('Dockerfile').replaceAll(/\\\n\s*/g, '');

test('the system is the bridge and what it works with', () => {
  expect(Object.keys(compose.services).sort()).toEqual([
    'bridge',
    'ollama',
    'postgres',
    'qdrant',
    'redis',
  ]);
});

test.each(services)('%s tells whether it is well', (_name, { healthcheck }) => {
  expect(healthcheck?.test[0]).toMatch(/^CMD/);
  expect(healthcheck?.test.length).toBeGreaterThan(1);
});

test.each(services)('%s has a memory limit under 4 GB', (_name, { mem_limit }) => {
  const [, amount, unit] = /^(\d+)([mg])$/.exec(mem_limit) ?? [];
  expect(Number(amount) * (unit === 'g' ? 1_024 : 1)).toBeLessThan(4_096);
});

test.each(services)('%s runs an exact version, unless it is built here', (name, { image }) => {
  expect(image).toMatch(name === 'bridge' ? /^drawbridge$/ : /:v?\d+(\.\d+)*(-[a-z]+)?$/);
});

test.each(services)('%s may gain no rights', (_name, { cap_drop, security_opt }) => {
  expect(cap_drop).toEqual(['ALL']);
  expect(security_opt).toContain('no-new-privileges:true');
});

test('only Ollama, whose image wants it, runs as root', () => {
  const asRoot = services.filter(([, { user = 'root' }]) => /^(root|0)/.test(user));
  expect(asRoot.map(([name]) => name)).toEqual(['ollama']);
});

test('only the bridge is published, and on loopback', () => {
  const published = services.filter(([, { ports = [] }]) => ports.length > 0);
  expect(published.map(([name]) => name)).toEqual(['bridge']);
  for (const port of compose.services['bridge']?.ports ?? []) {
    expect(port).toMatch(/^127\.0\.0\.1:/);
  }
});

test('what keeps data is reached from inside only', () => {
  expect(compose.networks['inside']).toEqual({ internal: true });
  for (const name of ['postgres', 'redis', 'qdrant']) {
    expect(compose.services[name]?.networks).toEqual(['inside']);
  }
});

test('passwords come from the environment, and none has a default', () => {
  const variables = services.flatMap(([, { environment = {} }]) => Object.entries(environment));
  const secrets = variables
    .filter(([key]) => /PASSWORD|SECRET|TOKEN|KEY/.test(key))
    .map(([, value]) => value);
  const inUrls = variables.flatMap(([, value]) => /:\/\/[^/@:]*:([^@]*)@/.exec(value)?.[1] ?? []);
  expect([secrets.length, inUrls.length]).toEqual([3, 2]);
  for (const secret of [...secrets, ...inUrls]) {
    // Required, or left to the bridge, which makes its own.
    expect(secret).toMatch(/^\$\{[A-Z_]+(:\?[^}]+|:-)\}$/);
  }
  expect(inUrls.filter((secret) => secret.endsWith(':-}'))).toEqual([]);
  for (const [, { command = [], healthcheck }] of services) {
    const words = [...command, ...(healthcheck?.test ?? [])].join(' ');
    expect(words).not.toMatch(/(requirepass|password)[= ]+(?!%s)[a-z0-9]/i);
  }
});

test('the bridge understands every variable that it is given', () => {
  const given = compose.services['bridge']?.environment ?? {};
  const env = Object.fromEntries(
    Object.entries(given).map(([key, value]) => [key, value.replaceAll(/\$\{[^}]*\}/g, '')]),
  );
  const image = { DRAWBRIDGE_HOST: '0.0.0.0', DRAWBRIDGE_PUBLIC: '1' };
  const { environment, issues } = readEnvironment({ env: { ...image, ...env }, cwd: '/project' });
  expect(issues).toEqual([]);
  expect(environment).toMatchObject({
    databaseUrl: expect.stringContaining('@postgres:5432/'),
    redisUrl: expect.stringContaining('@redis:6379'),
    qdrantUrl: 'http://qdrant:6333',
    ollamaHost: 'http://ollama:11434',
  });
  const known = read('bridge/src/settings/environment.ts');
  expect(Object.keys(given).filter((key) => !known.includes(`'${key}'`))).toEqual([]);
});

test('every volume that has a name is declared', () => {
  const used = services
    .flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0] ?? ''))
    .filter((name) => /^[a-z-]+$/.test(name));
  expect(used.sort()).toEqual(Object.keys(compose.volumes).sort());
});

test('the image runs as an ordinary user, says how it is, and keeps its state in a volume', () => {
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM'));
  expect(dockerfile.match(/^FROM/gm)?.length).toBeGreaterThan(1);
  expect(last).toMatch(/^USER (?!root|0)/m);
  expect(last).toMatch(/^HEALTHCHECK .*\/health/m);
  expect(last).toMatch(/DRAWBRIDGE_HOME=(\S+)[^]*^VOLUME \1$/m);
  expect(last).not.toMatch(/PASSWORD|SECRET|TOKEN/);
});

test('the image is built with the pnpm of the project', () => {
  const pinned = /PNPM = '(pnpm@[\d.]+)'/.exec(read('scripts/install.mjs'))?.[1];
  expect(pinned).toBeDefined();
  expect(dockerfile).toContain(`npx -y ${pinned} install --prod`);
});

test('nothing private gets into the image', () => {
  const ignored = read('.dockerignore').trim().split('\n');
  for (const name of ['.git', '.drawbridge', '**/node_modules', '.env', '*.backup']) {
    expect(ignored).toContain(name);
  }
  // A workspace package that is left out would fail the frozen install.
  const left = ignored.filter((name) => existsSync(join(root, name, 'package.json')));
  expect(left).toEqual([]);
});

test('the settings file is a mount of its own that nothing inside can write', () => {
  const mounts = compose.services['bridge']?.volumes ?? [];
  expect(mounts.find((mount) => mount.includes(':/project/mcp.config.json'))).toMatch(/:ro$/);
});
