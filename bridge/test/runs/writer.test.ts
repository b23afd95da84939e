import { createHash } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { v7 as createId } from 'uuid';
import { runEventPayloads } from '@drawbridge/schemas';
import type { LogEvent } from '../../src/runs/event-text.ts';
import {
  type LogDatabase,
  type TestBridge,
  completed,
  createLogDatabase,
  newRun,
  progress,
  started,
} from './log-database.ts';

let db: LogDatabase;
let bridge: TestBridge;
let other: TestBridge;

beforeAll(async () => {
  db = await createLogDatabase();
  [bridge, other] = await Promise.all([db.addBridge(), db.addBridge()]);
});
afterAll(() => db.close());

function read(runId: string, after = 0) {
  return db.events(runId, after);
}
async function open(): Promise<string> {
  return (await bridge.log.open(newRun(db.tenantId))).id;
}

describe('the sequence of a run', () => {
  // Holds: log/no-gap
  test('has no gap and follows the order of appends, with 64 writers on many runs over two bridges', async () => {
    const runIds = await Promise.all(Array.from({ length: 8 }, open));
    const acknowledged = new Map<string, number[]>(runIds.map((id) => [id, []]));
    await Promise.all(
      Array.from({ length: 64 }, async (_, writer) => {
        const { log } = writer % 2 === 0 ? bridge : other;
        for (let step = 0; step < 40; step += 1) {
          const runId = runIds[(writer + step) % runIds.length] ?? '';
          acknowledged.get(runId)?.push(await log.append(runId, progress(`w${writer}`, step)));
        }
      }),
    );
    for (const [runId, seqs] of acknowledged) {
      const events = await read(runId);
      const all = Array.from({ length: 321 }, (_, index) => index + 1);
      expect(events.map(({ seq }) => seq)).toEqual(all);
      expect([1, ...seqs].sort((a, b) => a - b)).toEqual(all);
      const run = await db.queries.run(db.tenantId, runId);
      expect(run?.lastSeq).toBe(321);
      for (let writer = 0; writer < 64; writer += 1) {
        const steps = events
          .filter(({ payload }) => payload['callId'] === `w${writer}`)
          .map(({ payload }) => Number(payload['progress']));
        expect(steps).toEqual(steps.toSorted((a, b) => a - b));
      }
    }
  });

  test('holds several appends that nobody waited for in their order', async () => {
    const runId = createId();
    const opening = bridge.log.open(newRun(db.tenantId, { id: runId }));
    const seqs = ['a', 'b', 'c'].map((id) => bridge.log.append(runId, progress(id)));
    const ending = bridge.log.end(runId, 'failed', 'why');
    expect(await Promise.all(seqs)).toEqual([2, 3, 4]);
    await Promise.all([opening, ending]);
    expect((await read(runId)).map(({ type }) => type)).toEqual([
      'run.started',
      'call.progress',
      'call.progress',
      'call.progress',
      'run.failed',
    ]);
    const run = await db.queries.run(db.tenantId, runId);
    expect(run).toMatchObject({ status: 'failed', lastSeq: 5 });
    expect(run?.completedAt).toBeDefined();
  });
});

describe('the end of a run', () => {
  test('is written once, whoever writes it', async () => {
    const runId = await open();
    await bridge.log.end(runId, 'completed');
    await Promise.all([bridge.log.end(runId, 'failed'), other.log.end(runId, 'cancelled')]);
    expect((await read(runId)).map(({ type }) => type)).toEqual(['run.started', 'run.completed']);
    expect(await db.queries.run(db.tenantId, runId)).toMatchObject({
      status: 'completed',
      lastSeq: 2,
    });
  });

  test('of two at once from two bridges is one', async () => {
    const runId = await open();
    await Promise.all([bridge.log.end(runId, 'failed'), other.log.end(runId, 'cancelled')]);
    const run = await db.queries.run(db.tenantId, runId);
    expect((await read(runId)).map(({ type }) => type)).toEqual([
      'run.started',
      `run.${run?.status}`,
    ]);
  });

  test('keeps out what comes right after it, in the same commit', async () => {
    const runId = await open();
    const ending = bridge.log.end(runId, 'completed');
    const late = bridge.log.append(runId, progress('late'));
    await expect(late).rejects.toMatchObject({ message: expect.stringContaining('has ended') });
    await ending;
    expect((await read(runId)).map(({ type }) => type)).toEqual(['run.started', 'run.completed']);
  });

  test('keeps out what comes late, which is told to who brings it', async () => {
    const runId = await open();
    await bridge.log.end(runId, 'completed');
    await expect(bridge.log.append(runId, completed('late'))).rejects.toMatchObject({
      code: 'log/unavailable',
      message: expect.stringContaining('has ended'),
    });
    expect(await db.queries.run(db.tenantId, runId)).toMatchObject({ lastSeq: 2 });
  });
});

describe('an event that cannot be written', () => {
  test('of no run fails alone with run/unknown', async () => {
    const runId = await open();
    const results = await Promise.allSettled([
      bridge.log.append(runId, progress('a')),
      bridge.log.append(createId(), progress('b')),
      bridge.log.append('no uuid', progress('c')),
      bridge.log.append(runId, progress('d')),
    ]);
    expect(results).toMatchObject([
      { value: 2 },
      { reason: { code: 'run/unknown' } },
      { reason: { code: 'run/unknown' } },
      { value: 3 },
    ]);
  });

  test('because the database refuses it fails alone, and leaves no gap', async () => {
    const runId = await open();
    const poison = { id: createId(), tenantId: createId() }; // there is no such tenant
    const results = await Promise.allSettled([
      ...['a', 'b', 'c'].map((id) => bridge.log.append(runId, progress(id))),
      bridge.log.open({ ...newRun(db.tenantId), ...poison }),
      bridge.log.append(poison.id, progress('d')),
      ...['e', 'f'].map((id) => bridge.log.append(runId, progress(id))),
    ]);
    expect(results).toMatchObject([
      { value: 2 },
      { value: 3 },
      { value: 4 },
      { reason: { code: 'log/unavailable' } },
      { reason: { code: 'run/unknown' } },
      { value: 5 },
      { value: 6 },
    ]);
    expect(await read(runId)).toHaveLength(6);
  });
});

describe('whatever a server sends is taken', () => {
  const deep = (levels: number): unknown => {
    let value: unknown = 'bottom';
    for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { value };
    return value;
  };

  test.each([
    ['NUL, lone surrogates and controls', { text: 'a\0b\ud800c\u001b\u2028', '\0': '\udfff' }],
    ['what JSON knows of numbers', { big: 1e308, small: -0.1, int: 2 ** 60 }],
    [
      'names that mean something elsewhere',
      JSON.parse('{"__proto__":1,"constructor":{"a":2},"toJSON":3}'),
    ],
    ['nothing', null],
    ['text', 'just text'],
    ['300 levels', deep(300)],
  ])('%s', async (_, result) => {
    const runId = await open();
    await bridge.log.append(runId, completed('c', result));
    const [, event] = await read(runId);
    const body = event?.payload['result'] as { inline?: unknown; artifact?: string };
    const stored =
      body.artifact === undefined ? JSON.stringify(body.inline) : await readArtifact(body.artifact);
    expect(stored).toBe(JSON.stringify(result));
    expect(event?.payload['size']).toBe(Buffer.byteLength(JSON.stringify(result)));
  });

  test('a hundred thousand levels', async () => {
    const runId = await open();
    await bridge.log.append(runId, completed('c', deep(100_000)));
    const [, event] = await read(runId);
    const { artifact = '' } = (event?.payload['result'] ?? {}) as { artifact?: string };
    const stored = await readArtifact(artifact);
    expect(stored.slice(0, 22)).toBe('{"value":[{"value":[{"');
    expect(stored).toHaveLength(50_000 * 2 + 50_000 * 10 + 8);
  });

  test('50 MB of text', async () => {
    const runId = await open();
    const text = 'line of text\n'.repeat(4_000_000);
    const neighbour = bridge.log.append(runId, progress('a'));
    await bridge.log.append(runId, completed('c', { text }));
    expect(await neighbour).toBe(2);
    const [, , event] = await read(runId);
    expect(event?.payload['size']).toBe(JSON.stringify({ text }).length);
  });

  test('an error with data and a message of any size', async () => {
    const runId = await open();
    const error = { code: -1, message: 'm'.repeat(100_000), data: { rows: 'x'.repeat(100_000) } };
    await bridge.log.append(runId, {
      type: 'call.failed',
      payload: { callId: 'c', outcome: 'protocol_error', error },
    });
    const [, event] = await read(runId);
    expect(runEventPayloads['call.failed'].schema.parse(event?.payload).error).toMatchObject({
      message: expect.stringMatching(/^m{8192}…$/),
      data: { artifact: expect.any(String), size: 100_011 },
    });
  });

  // Holds: log/any-text
  test('a title and a client name with NUL', async () => {
    const { id } = await bridge.log.open(newRun(db.tenantId, { title: 'a\0b', client: '\0' }));
    expect(await db.queries.run(db.tenantId, id)).toMatchObject({ title: 'a\uFFFDb' });
  });
});

describe('a large body', () => {
  test('lies beside the event under its hash, without its secrets, with a preview', async () => {
    const runId = await open();
    const result = { text: 'abc '.repeat(4_000), password: 'hunter2' };
    const text = JSON.stringify({ ...result, password: '[redacted]' });
    await bridge.log.append(runId, completed('c', result));
    const [, event] = await read(runId);
    const sha256 = createHash('sha256').update(text).digest('hex');
    expect(event?.payload['result']).toEqual({
      artifact: sha256,
      size: text.length,
      preview: text.slice(0, 1_024),
    });
    expect(await readArtifact(sha256)).toBe(text);
  });

  test('that many send at once is stored once for each tenant', async () => {
    const tenantId = await db.addTenant();
    const result = { text: `${createId()} `.repeat(1_000) };
    const runs = [newRun(db.tenantId), newRun(db.tenantId), newRun(tenantId)];
    await Promise.all(
      runs.map(async (run, index) => {
        const { log } = index === 1 ? other : bridge;
        const { id } = await log.open(run);
        await Promise.all([1, 2, 3].map((call) => log.append(id, completed(`c${call}`, result))));
      }),
    );
    const sha256 = createHash('sha256').update(JSON.stringify(result)).digest();
    const { rows } = await db.store.db.execute(
      sql`select tenant_id from artifacts where sha256 = ${sha256}`,
    );
    expect(rows).toHaveLength(2);
  });

  test('is marked as used again when it comes back a day later', async () => {
    const runId = await open();
    const result = { text: `${createId()} `.repeat(1_000) };
    await bridge.log.append(runId, completed('c', result));
    await db.store.db.execute(sql`update artifacts set used_at = now() - interval '40 days'`);
    await bridge.log.append(runId, completed('d', result));
    const sha256 = createHash('sha256').update(JSON.stringify(result)).digest();
    const { rows } = await db.store.db.execute(
      sql`select used_at > now() - interval '1 minute' as fresh from artifacts where sha256 = ${sha256}`,
    );
    expect(rows).toEqual([{ fresh: true }]);
  });
});

test('secrets are redacted in every part of an event', async () => {
  const runId = await open();
  const secret = `ghp_${'a1'.repeat(18)}`;
  const event = started('c');
  await bridge.log.append(runId, {
    ...event,
    payload: { ...event.payload, name: `https://joe:${secret}@h/`, arguments: { a: secret } },
  } as LogEvent);
  await bridge.log.append(runId, {
    type: 'call.failed',
    payload: {
      callId: 'c',
      outcome: 'protocol_error',
      error: { code: 1, message: `no ${secret}`, data: secret },
    },
  });
  expect(JSON.stringify(await read(runId))).not.toContain(secret);
});

test('an event that starts a call names the bridge that carries it', async () => {
  const runId = await open();
  await other.log.append(runId, started('c'));
  const [, event] = await read(runId);
  expect(event?.payload).toMatchObject({ callId: 'c', bridge: other.id });
});

test('listeners hear of a commit before an append resolves', async () => {
  const runId = await open();
  const heard: unknown[] = [];
  const stop = bridge.log.onCommit((runs) => heard.push(...runs));
  await bridge.log.append(runId, progress('a'));
  stop();
  await bridge.log.append(runId, progress('b'));
  expect(heard).toEqual([{ runId, lastSeq: 2 }]);
});

test('a closed log has written what it took and takes no more', async () => {
  const { log } = await db.addBridge();
  const { id } = await log.open(newRun(db.tenantId));
  const last = log.append(id, progress('a'));
  await log.close();
  await log.close();
  expect(await last).toBe(2);
  await expect(log.append(id, progress('b'))).rejects.toMatchObject({ code: 'log/unavailable' });
});

async function readArtifact(sha256: string): Promise<string> {
  const artifact = await db.queries.artifact(db.tenantId, sha256);
  return artifact?.body.toString() ?? '';
}
