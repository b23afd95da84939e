// Lists of a server that are too large to be parsed in place.
import { expect, test } from 'vitest';
import { createHarness, stdio } from './harness.ts';

test('an entry over 1 MiB is left out and named in the log, the others are offered', async () => {
  const { upstreams, logs } = createHarness();
  const env = { LIST: '2', LIST_ENTRY: '1200000' };
  await upstreams.configure([stdio('long', '../../support/servers/large.mjs', { env })]);
  const { tools } = await upstreams.discover('long');
  expect(tools.map((tool) => tool['name'])).toEqual(['large', 'size', 'lines']);
  expect(logs).toContainEqual(
    expect.objectContaining({
      from: 'upstream long',
      list: 'tools',
      names: ['t0', 't1'],
      count: 2,
    }),
  );
}, 30_000);
