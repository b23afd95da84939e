// Starts the worker threads of a server where it runs from: `src/<name>.worker.ts` through tsx, or
// `dist/<name>.worker.js`, which the bundle has for each of them.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/** @param base `import.meta.url` of any file of the server's */
export function startWorker(base: string, name: string, options: WorkerOptions = {}): Worker {
  const isSource = base.endsWith('.ts');
  const folder = isSource ? '/src/' : '/dist/';
  const top = base.slice(0, base.lastIndexOf(folder) + folder.length);
  const url = new URL(`${name}.worker.${isSource ? 'ts' : 'js'}`, top);
  // Flags of the process, such as those of tsx, are not for its workers.
  const settings = { execArgv: [], ...options };
  if (!isSource) return new Worker(url, settings);
  const tsx = pathToFileURL(createRequire(base).resolve('tsx/esm/api').replace(/cjs$/, 'mjs'));
  // `--import` does not reach a worker's own modules in Node 20.
  const code = `import(${JSON.stringify(tsx.href)}).then(({ register }) => {
    register();
    return import(${JSON.stringify(url.href)});
  })`;
  return new Worker(code, { ...settings, eval: true });
}
