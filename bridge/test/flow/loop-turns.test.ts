// What comes at once is done in slices, and nobody waits behind another's crowd.
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createLoopTurns } from '../../src/flow/loop-turns.ts';

const WORK_MS = 1;
const CROWD = 300;

function work(): void {
  const end = performance.now() + WORK_MS;
  while (performance.now() < end);
}

test('a crowd in one turn of the event loop leaves turns for everything else', async () => {
  const turn = createLoopTurns();
  let turns = 0;
  const counting = setInterval(() => (turns += 1), 0);
  await Promise.all(
    Array.from({ length: CROWD }, async () => {
      await turn('crowd');
      work();
    }),
  );
  clearInterval(counting);
  expect(turns).toBeGreaterThan(CROWD / 30);
});

test('who comes last, and is alone, is not last', async () => {
  const turn = createLoopTurns();
  const order: string[] = [];
  const done = (owner: string) => async () => {
    await turn(owner);
    work();
    order.push(owner);
  };
  await Promise.all([...Array.from({ length: CROWD }, () => done('crowd')()), done('quiet')()]);
  expect(order).toHaveLength(CROWD + 1);
  expect(order.indexOf('quiet')).toBeLessThan(5);
});

test('what comes in good time waits for nothing', async () => {
  const turn = createLoopTurns();
  await turn('first');
  await setImmediate();
  expect([turn('second'), turn('third')]).toEqual([undefined, undefined]);
});

test('what goes on for long leaves most of the time to others', async () => {
  const turn = createLoopTurns({ burstMs: 20 });
  let worked = 0;
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: CROWD }, async () => {
      await turn('crowd');
      const before = performance.now();
      work();
      worked += performance.now() - before;
    }),
  );
  expect(worked).toBeLessThan((performance.now() - begin) * 0.6);
});
