import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openWorkbench } from './harness.ts';

describe.each(['modern', 'legacy'] as const)('file resources, to a %s client', (era) => {
  it('are listed a page at a time', async () => {
    const { client, root } = await openWorkbench({ era });
    for (let index = 0; index < 501; index += 1) await writeFile(join(root, `f${index}`), '');
    const first = await client.request({ method: 'resources/list', params: {} });
    expect(first.resources).toHaveLength(500);
    const cursor = first.nextCursor;
    const second = await client.request({ method: 'resources/list', params: { cursor } });
    expect(second.resources).toHaveLength(1);
    expect(second).not.toHaveProperty('nextCursor');
  });

  it('are read as text or bytes, whatever their names', async () => {
    const { client, root } = await openWorkbench({ era });
    for (const [name, bytes] of [
      ['a %23 ü.md', Buffer.from('# é')],
      ['b.bin', Buffer.from([0, 1])],
    ] as const) {
      await writeFile(join(root, name), bytes);
      const uri = pathToFileURL(join(root, name)).href;
      const { contents } = await client.readResource({ uri });
      expect(contents[0]).toMatchObject(
        name.endsWith('.md')
          ? { uri, mimeType: 'text/markdown', text: '# é' }
          : { uri, blob: 'AAE=' },
      );
    }
  });

  it('are refused outside of the roots', async () => {
    const { client, root, base } = await openWorkbench({ era });
    await writeFile(join(base, 'secret'), 'x');
    await symlink(join(base, 'secret'), join(root, 'link'));
    for (const uri of [
      'file:///etc/passwd',
      `file://${root}/../secret`,
      `file://${root}/%2e%2e/secret`,
      `file://${root}/..%2fsecret`,
      `file://${root}/link`,
      `file://elsewhere${root}/a`,
      `file://${root}/a%00`,
      `http://${root}/a`,
    ]) {
      await expect(client.readResource({ uri })).rejects.toMatchObject({ code: -32602 });
    }
  });
});

it('a subscriber hears of a write, a replacement and a removal, and of no other file', async () => {
  const { client, root, call, base } = await openWorkbench({ era: 'legacy' });
  await mkdir(join(root, 'in'));
  await writeFile(join(root, 'in/a.txt'), 'one');
  const uri = pathToFileURL(join(root, 'in/a.txt')).href;
  const heard: string[] = [];
  let wake = (): void => {};
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
    heard.push(params.uri);
    wake();
  });
  const next = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  await client.subscribeResource({ uri });
  for (const change of [
    () => writeFile(join(root, 'in/a.txt'), 'two'),
    () => call('write', { path: 'in/a.txt', content: 'three' }),
    async () => {
      await writeFile(join(base, 'four'), 'four');
      await rename(join(base, 'four'), join(root, 'in/a.txt'));
    },
    () => rm(join(root, 'in/a.txt')),
  ]) {
    const told = next();
    await writeFile(join(root, 'in/b.txt'), 'other');
    await change();
    await told;
  }
  expect(new Set(heard)).toEqual(new Set([uri]));
  await expect(client.subscribeResource({ uri: 'file:///etc/passwd' })).rejects.toMatchObject({
    code: -32602,
  });
});
