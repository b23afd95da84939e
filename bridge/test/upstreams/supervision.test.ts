// Who shares a connection, when it stops, what a change of settings touches, and what servers announce.
import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RoutedCall } from '../../src/calls/call.ts';
import { MAX_INSTANCES } from '../../src/upstreams/instance-pool.ts';
import {
  createHarness,
  errorOf,
  isProcessAlive,
  stdio,
  textOf,
  toolCall,
  until,
} from './harness.ts';

const LEGACY = 'legacy-server.mjs';
const principal = toolCall('x', 'y').principal;

/** Which process served a call of this caller. */
async function servedBy(
  upstreams: ReturnType<typeof createHarness>['upstreams'],
  given: Partial<Omit<RoutedCall, 'target'>> = {},
): Promise<number> {
  return JSON.parse(textOf(await upstreams.send(toolCall('one', 'whoami', {}, given)))).pid;
}

describe('leases', () => {
  it('never cross tenants, also where the connection is shared', async () => {
    const { upstreams } = createHarness();
    await upstreams.configure([stdio('one', LEGACY)]);
    const mine = await servedBy(upstreams);
    const theirs = await servedBy(upstreams, { principal: { ...principal, tenantId: 'other' } });
    expect(theirs).not.toBe(mine);
    expect(await servedBy(upstreams, { principal: { ...principal, id: 'user-2' } })).toBe(mine);
  });

  it('give each session, or each principal, its own instance where the settings say so', async () => {
    const { upstreams } = createHarness();
    await upstreams.configure([stdio('one', LEGACY, { options: { instance: 'session' } })]);
    const a = await servedBy(upstreams, { sessionId: 'a' });
    expect(await servedBy(upstreams, { sessionId: 'b' })).not.toBe(a);
    expect(await servedBy(upstreams, { sessionId: 'a', runId: 'run-9' })).toBe(a);
    expect(await servedBy(upstreams, { runId: 'run-1' })).not.toBe(a);

    await upstreams.configure([stdio('one', LEGACY, { options: { instance: 'principal' } })]);
    const first = await servedBy(upstreams, { sessionId: 'a' });
    expect(isProcessAlive(a)).toBe(false);
    expect(await servedBy(upstreams, { sessionId: 'b' })).toBe(first);
    const other = await servedBy(upstreams, { principal: { ...principal, id: 'user-2' } });
    expect(other).not.toBe(first);
  });

  it('hand the connection that only discovered to the first caller', async () => {
    const { upstreams } = createHarness();
    await upstreams.configure([stdio('one', LEGACY)]);
    await upstreams.discover('one');
    const pids = upstreams.status()[0]?.pids;
    expect([await servedBy(upstreams)]).toEqual(pids);
  });

  it('are bounded: an idle instance makes room, and when all are busy the caller is told', async () => {
    const { upstreams } = createHarness();
    await upstreams.configure([stdio('one', LEGACY, { options: { instance: 'session' } })]);
    const first = await servedBy(upstreams, { sessionId: 'first' });
    const controller = new AbortController();
    const { signal } = controller;
    setMaxListeners(0, signal);
    const busy = Array.from({ length: MAX_INSTANCES }, (_, n) =>
      upstreams.send(toolCall('one', 'slow', { ms: 60_000 }, { sessionId: `${n}`, signal })),
    );
    await until(() => upstreams.status()[0]?.inFlight === MAX_INSTANCES);
    await until(() => !isProcessAlive(first), 10_000);
    await until(() => upstreams.status()[0]?.pids.length === MAX_INSTANCES, 20_000);
    const refused = await upstreams.send(toolCall('one', 'echo', {}, { sessionId: 'late' }));
    expect(errorOf(refused)).toMatchObject({
      message: expect.stringContaining('upstream "one" is busy'),
      data: { code: 'upstream/busy', upstream: 'one' },
    });
    controller.abort();
    expect((await Promise.all(busy)).every(({ kind }) => kind === 'cancelled')).toBe(true);
  }, 60_000);
});

describe('idleness', () => {
  it('stops a server, but never during a call, and the next call starts it again', async () => {
    const { upstreams } = createHarness();
    await upstreams.configure([stdio('one', LEGACY, { options: { idle: 150 } })]);
    await upstreams.send(toolCall('one', 'slow', { ms: 500 }));
    const [pid = 0] = upstreams.status()[0]?.pids ?? [];
    expect(isProcessAlive(pid)).toBe(true);
    await until(() => !isProcessAlive(pid));
    await until(() => upstreams.status()[0]?.state === 'stopped');
    expect(textOf(await upstreams.send(toolCall('one', 'echo', { text: 'again' })))).toBe('again');
  });
});

describe('a shared instance', () => {
  it('is one process for callers that come at once', async () => {
    const { upstreams, home } = createHarness();
    const record = join(home, 'starts');
    await upstreams.configure([stdio('one', LEGACY, { args: [`--record=${record}`] })]);
    const pids = await Promise.all(Array.from({ length: 8 }, () => servedBy(upstreams)));
    expect(new Set(pids).size).toBe(1);
    expect(readFileSync(record, 'utf8').trim().split('\n')).toHaveLength(1);
  });

  it('is not idle while another call is under way, nor when one comes before its time', async () => {
    const { upstreams } = createHarness();
    await upstreams.configure([stdio('one', LEGACY, { options: { idle: 300 } })]);
    const pid = await servedBy(upstreams);
    // It begins before the idle time is over, and lasts longer.
    expect(textOf(await upstreams.send(toolCall('one', 'slow', { ms: 900 })))).toBe('done');
    const long = upstreams.send(toolCall('one', 'slow', { ms: 900 }));
    expect(await servedBy(upstreams)).toBe(pid);
    expect(textOf(await long)).toBe('done');
    expect(isProcessAlive(pid)).toBe(true);
  });
});

describe('settings', () => {
  it('that change touch only what changed', async () => {
    const { upstreams } = createHarness();
    await upstreams.configure([stdio('one', LEGACY), stdio('two', LEGACY), stdio('three', LEGACY)]);
    await Promise.all(['one', 'two', 'three'].map((name) => upstreams.discover(name)));
    const pidOf = (name: string) =>
      upstreams.status().find((status) => status.name === name)?.pids[0] ?? 0;
    const [one, two, three] = [pidOf('one'), pidOf('two'), pidOf('three')];

    await upstreams.configure([
      stdio('one', LEGACY, { options: { timeout: 5, idle: 1_000 } }),
      stdio('two', LEGACY, { env: { CHANGED: 'yes' } }),
      stdio('four', LEGACY, { options: { enabled: false } }),
    ]);

    expect(upstreams.status().map(({ name, state }) => [name, state])).toEqual([
      ['one', 'ready'],
      ['two', 'stopped'],
      ['four', 'disabled'],
    ]);
    expect(pidOf('one')).toBe(one);
    expect([two, three].map(isProcessAlive)).toEqual([false, false]);
    expect((await upstreams.send(toolCall('one', 'slow', { ms: 500 }))).kind).toBe('timed_out');
    const refused = errorOf(await upstreams.send(toolCall('four', 'echo')));
    expect(refused.message).toBe('upstream "four" is disabled in the settings');
    expect(errorOf(await upstreams.send(toolCall('three', 'echo'))).message).toBe(
      'there is no upstream "three"',
    );
    await expect(upstreams.discover('three')).rejects.toMatchObject({ code: 'upstream/unknown' });
  });

  it('give a built-in server the bridge key, the home and the caller, and no other anything', async () => {
    process.env['DRAWBRIDGE_TEST_SECRET'] = 'must not leak';
    const { upstreams, home } = createHarness();
    await upstreams.configure([
      stdio('ours', LEGACY, { builtin: true, env: { OWN: '1' } }),
      stdio('theirs', LEGACY, { env: { OWN: '1' } }),
    ]);
    const environmentOf = async (name: string) =>
      JSON.parse(textOf(await upstreams.send(toolCall(name, 'environment'))));
    const ours = await environmentOf('ours');
    const theirs = await environmentOf('theirs');
    expect(ours).toMatchObject({
      DRAWBRIDGE_HOME: home,
      DRAWBRIDGE_SERVER_STATE: join(home, 'servers', 'ours', 'state'),
      OWN: '1',
      PATH: process.env['PATH'],
    });
    const allowed = new Set(['HOME', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'USER', 'OWN']);
    expect(Object.keys(theirs).filter((key) => !allowed.has(key))).toEqual([]);

    const call = toolCall('ours', 'whoami', {}, { sessionId: 'session-1' });
    const { meta } = JSON.parse(textOf(await upstreams.send(call)));
    expect(meta['io.drawbridge/caller']).toEqual({
      key: ours.DRAWBRIDGE_BRIDGE_KEY,
      tenant: 'tenant-1',
      principal: 'user-1',
      project: 'default',
      roots: ['/projects/one'],
      readOnly: [],
      run: 'run-1',
      session: 'session-1',
    });
  });
});

describe.each([LEGACY, 'modern-server.mjs'])('what %s announces', (file) => {
  it('a changed list is asked for again, once for several changes', async () => {
    const { upstreams, events } = createHarness();
    await upstreams.configure([stdio('one', file)]);
    await upstreams.discover('one');
    const offers = () => events.filter(({ kind }) => kind === 'offer').length;
    await upstreams.send(toolCall('one', 'echo'));
    await Promise.all([1, 2, 3].map(() => upstreams.send(toolCall('one', 'change'))));
    await until(() => offers() === 2);
    const [, latest] = events.filter((event) => event.kind === 'offer');
    expect(latest?.listing.tools.map((tool) => tool['name'])).toContain('extra_3');
  });

  it('log messages reach the call that is alone, and nobody when it may be another', async () => {
    const { upstreams } = createHarness();
    await upstreams.configure([stdio('one', file)]);
    const seen: unknown[] = [];
    const sink = {
      progress: () => undefined,
      message: (params: unknown) => void seen.push(params),
    };
    const call = (text: string, ms: number) => {
      const one = toolCall('one', 'log', { text, ms }, { sink });
      const meta = { 'io.modelcontextprotocol/logLevel': 'debug' };
      return upstreams.send({ ...one, params: { ...one.params, _meta: meta } });
    };
    await call('alone', 0);
    expect(seen).toEqual([{ level: 'info', logger: 'fixture', data: 'alone' }]);
    await Promise.all([call('a', 50), call('b', 50)]);
    expect(seen).toHaveLength(1);
  });
});

describe('the official "everything" server', () => {
  const entry = createRequire(import.meta.url).resolve(
    '@modelcontextprotocol/server-everything/dist/index.js',
  );

  it('offers and answers everything over stdio', async () => {
    const { upstreams, events } = createHarness();
    const args = [entry, 'stdio'];
    await upstreams.configure([stdio('all', '', { command: process.execPath, args })]);
    const listing = await upstreams.discover('all');
    expect(listing.serverInfo.name).toContain('everything');
    for (const list of [
      listing.tools,
      listing.prompts,
      listing.resources,
      listing.resourceTemplates,
    ]) {
      expect(list.length).toBeGreaterThan(0);
    }
    // It registers tools that need client capabilities only for clients that have them.
    expect(listing.tools.map((tool) => tool['name'])).not.toContain('trigger-elicitation-request');
    const sum = await upstreams.send(toolCall('all', 'get-sum', { a: 2, b: 3 }));
    expect(textOf(sum)).toContain('5');

    const steps: number[] = [];
    const sink = {
      progress: ({ progress }: { progress: number }) => void steps.push(progress),
      message: () => undefined,
    };
    const operation = { duration: 0.2, steps: 4 };
    await upstreams.send(toolCall('all', 'trigger-long-running-operation', operation, { sink }));
    expect(steps).toEqual([1, 2, 3, 4]);

    const uri = String(listing.resources[0]?.['uri']);
    const base = toolCall('all', uri);
    const read = await upstreams.send({ ...base, method: 'resources/read', params: { uri: 'x' } });
    expect(read).toMatchObject({ kind: 'result', result: { contents: [{ uri }] } });
    const prompt = String(listing.prompts[0]?.['name']);
    const got = await upstreams.send({
      ...toolCall('all', prompt),
      method: 'prompts/get',
      params: { name: 'all__prompt', arguments: {} },
    });
    expect(got.kind).toBe('result');
    expect(events.some((event) => event.kind === 'offer')).toBe(true);
  });
});

it('keeps its state and its processes to itself: restart replaces one and no other', async () => {
  const { upstreams, home } = createHarness();
  const record = join(home, 'starts');
  await upstreams.configure([
    stdio('one', LEGACY, { args: [`--record=${record}`] }),
    stdio('two', LEGACY),
  ]);
  await Promise.all([upstreams.discover('one'), upstreams.discover('two')]);
  const [before, other] = upstreams.status().map(({ pids }) => pids[0]);
  await upstreams.restart('one');
  const [after, same] = upstreams.status().map(({ pids }) => pids[0]);
  expect(after).not.toBe(before);
  expect(same).toBe(other);
  expect(upstreams.status()[0]).toMatchObject({ state: 'ready', restarts: 1 });
  expect(readFileSync(record, 'utf8').trim().split('\n')).toHaveLength(2);
});
