import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand } from '../cli/terminal-fixture.ts';
import { type TestBridge, startTestBridge } from '../support/bridge.ts';

let bridge: TestBridge;

beforeAll(async () => {
  bridge = await startTestBridge();
}, 60_000);
afterAll(() => bridge.close());

function prune(body: object, key?: string) {
  return bridge.request('/v1/prune', {
    method: 'POST',
    body: JSON.stringify(body),
    ...(key !== undefined && { key }),
  });
}

test('only an operator may remove runs', async () => {
  expect((await prune({}, bridge.bridge.keys.member)).status).toBe(403);
});

test('days that are no whole number are refused', async () => {
  expect((await prune({ olderThanDays: 1.5 })).status).toBe(400);
  expect((await prune({ olderThan: 1 })).status).toBe(400);
});

test('the API description has the route', async () => {
  const api = (await (await bridge.request('/openapi.json')).json()) as {
    paths: Record<string, object>;
  };
  expect(api.paths['/v1/prune']).toHaveProperty('post');
});

test('the command shows what would be removed, and removes it', async () => {
  const { client } = await bridge.legacy();
  await client.callTool({ name: 'filesystem__list', arguments: { path: '.' } });
  const run = (...argv: string[]) =>
    runCommand(['prune', ...argv], {
      env: { DRAWBRIDGE_URL: bridge.url, DRAWBRIDGE_TOKEN: bridge.bridge.keys.operator },
    });
  const planned = await run('--older-than', '0d', '--dry-run');
  expect(planned).toMatchObject({ code: 0, stderr: '' });
  expect(planned.stdout).toMatch(/Would remove 0 runs and 1 day of events, \d/);
  const removed = await run('--older-than', '0d', '--json');
  expect(JSON.parse(removed.stdout)).toMatchObject({ dryRun: false, days: [{}], runs: 0 });
  expect((await run('--dry-run')).stdout).toBe('Nothing would go.\n');
  expect(await run('--older-than', '12h')).toMatchObject({ code: 2 });
  // What is under way is never touched.
  const runs = (await (await bridge.request('/v1/runs')).json()) as { runs: object[] };
  expect(runs.runs.length).toBeGreaterThan(0);
});
