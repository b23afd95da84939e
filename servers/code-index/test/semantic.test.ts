// Search by meaning, with a scripted server that speaks Ollama's HTTP API. It is no model: its vectors
// tell whether a text is about one of three things.
import { createServer } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openWorkbench, rowsOf } from './harness.ts';

const TOPICS = [/fish|aquarium|swim/i, /stock|dividend|broker/i, /rain|cloud|storm/i];

function vectorOf(text: string): number[] {
  return [...TOPICS.map((topic) => (topic.test(text) ? 1 : 0.01)), 0.05];
}

async function startScripted(answers = true) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      // Sent by the embedder under test.
      const { input } = JSON.parse(Buffer.concat(parts).toString()) as { input: string[] };
      asked.push(...input);
      if (!answers) return;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ embeddings: input.map(vectorOf) }));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    asked,
    env: { OLLAMA_HOST: `127.0.0.1:${address.port}`, DRAWBRIDGE_EMBEDDING_MODEL: 'm' },
  };
}

const files = {
  'a.ts': 'export function feedAquarium() {}\n',
  'b.ts': 'export function payDividend() {}\n',
  'c.ts': 'export function openUmbrella() {} // storm\n',
};

describe('search_code with a model', () => {
  it('finds what shares no word with the question', async () => {
    const { env, asked } = await startScripted();
    const { call, write } = await openWorkbench({ files, env });
    await call('index');
    await expect.poll(() => asked.length).toBeGreaterThanOrEqual(3);
    const search = () => call('search_code', { query: 'where do they swim', limit: 1 });
    await expect.poll(async () => rowsOf(await search(), 'hits')[0]?.['path']).toBe('a.ts');
    expect((await search()).output['ranking']).toBe('words and vectors');
    // What did not change is not asked again; what did is.
    const before = asked.length;
    await write({ 'd.ts': 'export function feedFish() {}\n' });
    await call('index');
    await expect
      .poll(() => asked.slice(before).filter((text) => text.includes('feedFish')))
      .toHaveLength(1);
    expect(asked.filter((text) => text.includes('payDividend'))).toHaveLength(1);
  });

  it.each([
    ['is not there', async () => ({ OLLAMA_HOST: '127.0.0.1:9', DRAWBRIDGE_EMBEDDING_MODEL: 'm' })],
    ['never answers', async () => (await startScripted(false)).env],
  ])('ranks by words when it %s, and says so', async (_how, open) => {
    const { call } = await openWorkbench({ files, env: await open() });
    await call('index');
    for (let round = 0; round < 2; round += 1) {
      const { output, text } = await call('search_code', { query: 'pay a dividend' });
      expect(rowsOf({ output, text, isError: false }, 'hits')[0]).toMatchObject({ path: 'b.ts' });
      expect(output['ranking']).toBe('words');
      expect(text).toContain('the model m');
    }
  });
});
