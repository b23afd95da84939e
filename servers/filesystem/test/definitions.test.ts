import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { toListing } from '@drawbridge/kit';
import { createDefinition } from '../src/server.ts';
import { openWorkbench } from './harness.ts';

async function shipped(): Promise<unknown> {
  return JSON.parse(
    await readFile(
      new URL('../../../registry/definitions/filesystem.json', import.meta.url),
      'utf8',
    ),
  );
}

it('the shipped definitions are those of the server (else run scripts/definitions.ts)', async () => {
  expect(await shipped()).toEqual(toListing(createDefinition({})));
});

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

it('takes no more of a context than 700 bytes a tool and 16 KB in all', () => {
  const { tools } = toListing(createDefinition({}));
  const bytes = Buffer.byteLength(JSON.stringify(tools));
  expect(bytes / tools.length).toBeLessThanOrEqual(700);
  expect(bytes).toBeLessThanOrEqual(16 * 1024);
});

it('names itself in the registry as it does on the wire', async () => {
  const file = new URL('../../../registry/servers/filesystem.json', import.meta.url);
  const entry: unknown = JSON.parse(await readFile(file, 'utf8'));
  const { version, title } = createDefinition({});
  expect(entry).toMatchObject({ name: 'io.drawbridge/filesystem', version, title });
});
