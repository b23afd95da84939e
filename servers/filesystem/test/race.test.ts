// Another process swaps a folder for a link to the outside as fast as it can, and every tool that
// looks around is asked all the while. Nothing of the outside is ever in an answer.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { openWorkbench, type Workbench } from './harness.ts';

const RACE_MS = 6_000;
const FILES = 40;

/** The same folders and files inside and outside; what is in them, and the names at the end, differ. */
async function plant(folder: string, word: string): Promise<void> {
  for (const sub of ['x', 'x/y']) {
    await mkdir(join(folder, sub), { recursive: true });
    for (let index = 0; index < FILES; index += 1) {
      const lines = `${word} line\n`.repeat(3);
      await writeFile(join(folder, sub, `same${index}.txt`), lines);
      await writeFile(join(folder, sub, `${word}${index}.txt`), `${word} line\n`);
    }
    await writeFile(join(folder, sub, 'long.txt'), `${'-'.repeat(900)} ${word} line\n`);
  }
}

async function startSwapping(folder: string, link: string): Promise<void> {
  const script = fileURLToPath(new URL('link-swapper.ts', import.meta.url));
  const tsx = new URL('../../../node_modules/tsx/dist/loader.mjs', import.meta.url).href;
  const child = spawn(process.execPath, ['--import', tsx, script, folder, link, `${link}.aside`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  await once(child.stdout, 'data');
}

/** Asks all tools that look around until the time is over; tells how often they answered. */
async function askDuringRace({ call, client }: Workbench): Promise<number> {
  const end = performance.now() + RACE_MS;
  const paths = Array.from({ length: 20 }, (_, index) => `in/x/same${index}.txt`);
  let answered = 0;
  while (performance.now() < end) {
    const answers = await Promise.all([
      call('grep', { pattern: 'outside|inside' }),
      call('grep', { pattern: 'line', path: 'in', context: 1 }),
      call('grep', { pattern: 'outside', files_only: true }),
      call('find', { pattern: '*', limit: 5_000 }),
      call('find', { pattern: '*', path: 'in', type: 'folder' }),
      call('tree', { depth: 9 }),
      call('list', { path: 'in/x' }),
      call('read_many', { paths }),
      client.listResources().catch((error: unknown) => String(error)),
    ]);
    for (const answer of answers) {
      const text = JSON.stringify(answer);
      expect(text).not.toMatch(/outside(?! the folders)/);
      if (!text.includes('"isError":true')) answered += 1;
    }
    const { output } = answers[3] as { output: { total?: number } }; // as find's schema says
    expect(output.total ?? 0).toBeLessThanOrEqual(4 * FILES + 2);
    const found = answers[2] as { output: { files?: string[] } }; // as grep's schema says
    expect(found.output.files ?? []).toEqual([]);
  }
  return answered;
}

// Holds: files/confined
it('a folder that is swapped for a link during a search shows nothing of the outside', async () => {
  const bench = await openWorkbench();
  await plant(join(bench.root, 'in'), 'inside');
  await plant(join(bench.base, 'out'), 'outside');
  await symlink(join(bench.base, 'out'), join(bench.base, 'trap'));
  await startSwapping(join(bench.root, 'in'), join(bench.base, 'trap'));
  expect(await askDuringRace(bench)).toBeGreaterThan(20);
}, 30_000);

it('a root that is swapped for a link between and during calls shows nothing either', async () => {
  const bench = await openWorkbench();
  await plant(join(bench.root, 'in'), 'inside');
  await plant(join(bench.base, 'out/in'), 'outside');
  await symlink(join(bench.base, 'out'), join(bench.base, 'trap'));
  // What the root is, is settled when it is first used.
  await bench.call('roots');
  await startSwapping(bench.root, join(bench.base, 'trap'));
  expect(await askDuringRace(bench)).toBeGreaterThan(20);
}, 30_000);

it('a root that leads elsewhere because a folder above it became a link is refused', async () => {
  const bench = await openWorkbench({ roots: (base) => [join(base, 'root/deep')] });
  await plant(join(bench.root, 'deep/in'), 'inside');
  await plant(join(bench.base, 'out/deep/in'), 'outside');
  await bench.call('roots');
  await rename(bench.root, join(bench.base, 'was'));
  await symlink(join(bench.base, 'out'), bench.root);
  const uri = pathToFileURL(join(bench.root, 'deep/in/x/same1.txt')).href;
  await expect(bench.client.readResource({ uri })).rejects.toThrow('leads elsewhere');
  expect((await bench.call('tree')).text).toContain('leads elsewhere');
});
