// Brings the workspace's packages with the pinned pnpm, so that a bare machine with Node and git is
// enough for `npm start` and `npm test`. Does nothing when the lockfile has not changed since. With
// `--without-bench` it leaves out what only the benchmarks need: the gateways they compare with.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
/** Named here and not as `packageManager`, which makes pnpm bring itself a second time. */
const PNPM = 'pnpm@12.21.0';
const isPartial = process.argv.includes('--without-bench');
const stampOf = (part) => join(root, 'node_modules', `.drawbridge-installed-${part}`);
const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'pnpm-lock.yaml')))
  .update(readFileSync(join(root, 'pnpm-workspace.yaml')))
  .update(process.version)
  .digest('hex');

const isInstalled = (part) =>
  existsSync(stampOf(part)) && readFileSync(stampOf(part), 'utf8') === wanted;

if (!isInstalled('whole') && !(isPartial && isInstalled('without-bench'))) {
  const filter = isPartial ? ['--filter', '!@drawbridge/bench'] : [];
  const { status } = spawnSync('npx', ['-y', PNPM, ...filter, 'install', '--frozen-lockfile'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) process.exit(status ?? 1);
  writeFileSync(stampOf(isPartial ? 'without-bench' : 'whole'), wanted);
}
