// Starts the worker: from its source through tsx, or from its own file of the bundle.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

/** Enough for 32 MiB of JSON, its parsed value, and the JSON written again. */
const HEAP_MB = 512;

export function spawnWorker(): Worker {
  const isSource = import.meta.url.endsWith('.ts');
  const resourceLimits = { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: 32 };
  if (!isSource) {
    const folder = import.meta.url.includes('/chunks/') ? '../' : './';
    return new Worker(new URL(`${folder}worker.js`, import.meta.url), {
      resourceLimits,
      execArgv: [],
    });
  }
  const tsx = pathToFileURL(
    createRequire(import.meta.url)
      .resolve('tsx/esm/api')
      .replace(/cjs$/, 'mjs'),
  ).href;
  const worker = new URL('../../worker.ts', import.meta.url).href;
  // `--import` does not reach a worker's own modules in Node 20.
  const code = `import(${JSON.stringify(tsx)}).then(({ register }) => {
    register();
    return import(${JSON.stringify(worker)});
  })`;
  return new Worker(code, { eval: true, resourceLimits, execArgv: [] });
}
