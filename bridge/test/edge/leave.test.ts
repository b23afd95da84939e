// Callers that leave in the middle of a call.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type TestBridge, modernServer, startTestBridge } from '../support/bridge.ts';

let bridge: TestBridge;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drawbridge-leave-'));
  bridge = await startTestBridge({ mcpServers: { fixture: modernServer } });
});
afterAll(async () => {
  await bridge.close();
  await rm(folder, { recursive: true, force: true });
});

function listener(): void {
  return undefined;
}
const WAIT = { timeout: 10_000, interval: 20 };

/** Calls a tool that takes a minute, and leaves without a word once it has begun. */
async function callAndLeave(
  era: 'modern' | 'legacy',
  { file, onprogress }: { file: string; onprogress: (() => void) | undefined },
): Promise<void> {
  const params = { name: 'fixture__slow', arguments: { ms: 60_000, file } };
  const options = onprogress && { onprogress };
  const begun = async (): Promise<void> => {
    await vi.waitFor(async () => expect(await readFile(file, 'utf8')).toContain('started'), WAIT);
  };
  const start = async () => {
    if (era === 'modern') {
      const client = await bridge.modern();
      return { client, call: client.callTool(params, options) };
    }
    const { client } = await bridge.legacy();
    return { client, call: client.callTool(params, undefined, options) };
  };
  const { client, call } = await start();
  await begun();
  await Promise.all([expect(call).rejects.toBeInstanceOf(Error), client.close()]);
}

test.each([
  ['modern', 'on the fast path', undefined],
  ['modern', "on the SDK's path", listener],
  ['legacy', 'on the fast path', undefined],
  ['legacy', "on the SDK's path", listener],
] as const)('the call of a %s client %s is cancelled, and the log says so', async (...given) => {
  const [era, path, onprogress] = given;
  const file = join(folder, `${era} ${path === 'on the fast path' ? 'fast' : 'sdk'}.txt`);
  await callAndLeave(era, { file, onprogress });
  await vi.waitFor(async () => expect(await readFile(file, 'utf8')).toContain('cancelled'), WAIT);
  await vi.waitFor(async () => {
    const { runs } = (await (await bridge.request('/v1/runs')).json()) as {
      runs: { id: string }[];
    };
    const pages = runs.map(async ({ id }) =>
      (await bridge.request(`/v1/runs/${id}/events`)).text(),
    );
    const page = (await Promise.all(pages)).find((text) => text.includes(file));
    expect(page).toContain('call.cancelled');
  }, WAIT);
});
