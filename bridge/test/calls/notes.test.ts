// Progress and messages of servers during calls, and how much of them the log takes.
import { describe, expect, test } from 'vitest';
import type { RoutedCall } from '../../src/calls/call.ts';
import type { CallEvent } from '../../src/calls/call-events.ts';
import { build, call, result } from './pipeline-fixture.ts';

describe('a message of a server during calls', () => {
  const messages = (events: readonly CallEvent[], id: string) =>
    events.filter(({ type, payload }) => type === 'call.message' && payload.callId === id);
  const say = (count: number, size: number) => ({
    effect: 'read' as const,
    send: async ({ sink }: RoutedCall) => {
      const data = 'x'.repeat(size);
      for (let index = 0; index < count; index += 1) sink.message({ level: 'info', data });
      return result;
    },
  });

  test('is logged up to a thousand a call, and the log says how many were left out', async () => {
    const { run, events } = build(say(1_007, 1));
    await run();
    const logged = messages(events, 'call-1');
    expect(logged).toHaveLength(1_001);
    expect(logged.at(-1)?.payload).toMatchObject({
      level: 'warning',
      data: expect.stringMatching(/^7 messages/),
    });
  });

  test('uses up the share of its server, which fills up again', async () => {
    let time = 0;
    const { run, events } = build({ ...say(40, 50_000), now: () => time });
    await run(call({ id: 'first' }));
    await run(call({ id: 'second' }));
    await run(call({ id: 'other', name: 't__tool' }));
    time += 10_000;
    await run(call({ id: 'later' }));
    const count = (id: string) => messages(events, id).length - 1;
    expect(count('first')).toBe(20);
    expect(count('second')).toBe(0);
    expect(count('other')).toBe(20);
    expect(count('later')).toBeGreaterThan(10);
  });
});

describe('progress', () => {
  test('reaches the caller whole and the log at most every 100 ms', async () => {
    const heard: number[] = [];
    const { run, events } = build({
      send: async ({ sink }) => {
        for (let progress = 1; progress <= 50; progress += 1) sink.progress({ progress });
        return result;
      },
    });
    await run(call({ sink: { progress: ({ progress }) => heard.push(progress), message() {} } }));
    expect(heard).toHaveLength(50);
    expect(events.map(({ type }) => type)).toEqual([
      'call.started',
      'call.progress',
      'call.completed',
    ]);
  });

  test('of a read-only call comes after its start in the log', async () => {
    const { run, events } = build({
      effect: 'read',
      send: async ({ sink }) => {
        sink.message({ level: 'info', data: 'half way' });
        return result;
      },
    });
    await run();
    expect(events.map(({ type }) => type)).toEqual([
      'call.started',
      'call.message',
      'call.completed',
    ]);
  });
});
