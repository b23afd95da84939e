import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { openWorkbench } from './harness.ts';

async function shipped(): Promise<unknown> {
  return JSON.parse(
    await readFile(
      new URL('../../../registry/definitions/filesystem.json', import.meta.url),
      'utf8',
    ),
  );
}

describe.each(['modern', 'legacy'] as const)('a %s client', (era) => {
  it('is shown exactly what is shipped', async () => {
    const { client } = await openWorkbench({ era });
    const { tools } = await client.listTools();
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(await shipped()).toMatchObject({
      serverInfo: client.getServerVersion(),
      instructions: client.getInstructions(),
      capabilities: client.getServerCapabilities(),
      tools,
      resourceTemplates,
    });
  });
});
