import { Worker } from 'node:worker_threads';
import { expect, it, onTestFinished } from 'vitest';
import { createParserPool } from '../src/parser-pool.ts';

const READY = `const { parentPort } = require('node:worker_threads');
  parentPort.postMessage({ ready: true });`;
const ANSWERS = `${READY} parentPort.on('message', ({ text }) => {
  if (text === 'hang') for (;;) {}
  if (text === 'crash') process.exit(1);
  if (text === 'fill') { const kept = []; for (;;) kept.push(new Array(10_000).fill(kept.length)); }
  parentPort.postMessage({ result: { symbols: [], broken: false } });
});`;

function openPool() {
  let started = 0;
  const pool = createParserPool({
    timeout: 300,
    size: 1,
    start() {
      started += 1;
      return new Worker(ANSWERS, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 32 } });
    },
  });
  onTestFinished(() => pool.close());
  const { signal } = new AbortController();
  const run = (text: string, given: AbortSignal = signal) =>
    pool.run({ kind: 'symbols', language: 'go', text }, given);
  return { run, started: () => started };
}

it.each([
  ['hangs', 'hang', 'timeout'],
  ['ends its thread', 'crash', 'crash'],
  ['fills its memory', 'fill', /crash|timeout/],
])('loses a thread to a text that %s, and no other text', async (_how, text, reason) => {
  const { run, started } = openPool();
  const [bad, good] = await Promise.allSettled([run(text), run('fine')]);
  expect(bad).toMatchObject({
    status: 'rejected',
    reason: { reason: expect.stringMatching(reason) },
  });
  expect(good.status).toBe('fulfilled');
  await run('fine');
  expect(started()).toBe(2);
});

it('ends the work of a caller who leaves, and never begins what waits for one', async () => {
  const { run, started } = openPool();
  const stop = new AbortController();
  const waiting = [run('hang', stop.signal), run('hang', stop.signal)];
  stop.abort(new Error('gone'));
  for (const each of await Promise.allSettled(waiting)) expect(each.status).toBe('rejected');
  await run('fine');
  expect(started()).toBe(2);
});
