// What the log answers to those who ask: runs, events and bodies, and nothing that is not theirs.
import { v7 as createId } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunReader, createRunReader } from '../../src/runs/reader.ts';
import {
  type LogDatabase,
  type TestBridge,
  completed,
  createLogDatabase,
  newRun,
  progress,
  toRunEvent,
  userId,
} from './log-database.ts';

let db: LogDatabase;
let bridge: TestBridge;
let reader: RunReader;

beforeAll(async () => {
  db = await createLogDatabase();
  bridge = await db.addBridge();
  reader = createRunReader(db.queries);
});
afterAll(() => db.close());

async function open(): Promise<string> {
  return (await bridge.log.open(newRun(db.tenantId))).id;
}

test('runs in pages, newest first, by status, kind, project and principal', async () => {
  const tenantId = await db.addTenant();
  const ids: string[] = [];
  for (const kind of ['session', 'rest', 'stream', 'rest', 'rest'] as const) {
    const run = newRun(tenantId, { kind, project: kind === 'rest' ? 'web' : 'p' });
    ids.unshift((await bridge.log.open(run)).id);
  }
  await bridge.log.end(ids[0] ?? '', 'failed');
  const page = await reader.runs(tenantId, { limit: 2 });
  expect(page.runs.map(({ id }) => id)).toEqual(ids.slice(0, 2));
  const rest = await reader.runs(tenantId, { limit: 9, cursor: page.nextCursor ?? '' });
  expect(rest.runs.map(({ id }) => id)).toEqual(ids.slice(2));
  expect(rest.nextCursor).toBeUndefined();
  const count = async (filter: object) =>
    (await reader.runs(tenantId, { limit: 9, ...filter })).runs.length;
  expect(await count({ kind: 'rest' })).toBe(3);
  expect(await count({ status: 'failed' })).toBe(1);
  expect(await count({ project: 'p' })).toBe(2);
  expect(await count({ createdBy: createId() })).toBe(0);
  await expect(reader.runs(tenantId, { limit: 1, cursor: 'x' })).rejects.toMatchObject({
    code: 'request/invalid',
  });
});

test('events as JSON, payload and all', async () => {
  const runId = await open();
  const result = { content: [{ type: 'text', text: 'ü "quoted" \n\u2028' }] };
  await bridge.log.append(runId, progress('a'));
  await bridge.log.append(runId, completed('a', result));
  const events = await reader.events(db.tenantId, runId, { after: 1, limit: 9 });
  expect(events).toMatchObject([
    { seq: 2, type: 'call.progress' },
    { seq: 3, type: 'call.completed' },
  ]);
  expect(events.map(toRunEvent)).toMatchObject([
    { runId, seq: 2, type: 'call.progress', version: 1 },
    { runId, seq: 3, durationMs: 2, payload: { callId: 'a', result: { inline: result } } },
  ]);
});

test('nothing of a run that is not the named principal’s', async () => {
  const runId = await open();
  const page = { after: 0, limit: 9 };
  expect(await reader.events(db.tenantId, runId, { ...page, createdBy: userId })).toHaveLength(1);
  await expect(
    reader.events(db.tenantId, runId, { ...page, createdBy: createId() }),
  ).rejects.toMatchObject({ code: 'run/unknown' });
});

test('nothing of another tenant', async () => {
  const runId = await open();
  await bridge.log.append(runId, completed('a', { text: 'x'.repeat(10_000) }));
  const [, event] = await db.events(runId);
  const { artifact = '' } = (event?.payload['result'] ?? {}) as { artifact?: string };
  expect(await reader.artifact(db.tenantId, artifact)).toMatchObject({
    mediaType: 'application/json',
  });
  const stranger = await db.addTenant();
  expect(await reader.run(stranger, runId)).toBeUndefined();
  expect((await reader.runs(stranger, { limit: 9 })).runs).toEqual([]);
  expect(await reader.artifact(stranger, artifact)).toBeUndefined();
  await expect(reader.events(stranger, runId, { after: 0, limit: 9 })).rejects.toMatchObject({
    code: 'run/unknown',
  });
});
