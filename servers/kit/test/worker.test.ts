// A server's workers start from its sources and from its bundle.
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { startWorker } from '../src/index.ts';

async function ask(base: string): Promise<unknown> {
  const worker = startWorker(base, 'echo');
  onTestFinished(async () => void (await worker.terminate()));
  worker.postMessage('hello');
  const [answer] = await once(worker, 'message');
  return answer;
}

test('from sources, wherever in them it is asked for', async () => {
  const base = new URL('worker-fixture/src/tools/any.ts', import.meta.url).href;
  expect(await ask(base)).toBe('echo hello');
});

test.each(['main.js', 'chunks/any.js'])('from the bundle, asked for in %s', async (file) => {
  const folder = await mkdtemp(join(tmpdir(), 'drawbridge-worker-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'dist'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await writeFile(
    join(folder, 'dist/echo.worker.js'),
    `import { parentPort } from 'node:worker_threads';
     parentPort.on('message', (message) => parentPort.postMessage('bundled ' + message));`,
  );
  expect(await ask(pathToFileURL(join(folder, 'dist', file)).href)).toBe('bundled hello');
});
