// Files as `file://` resources: listed a page at a time, read whole, watched one by one. A watch sits
// on the folder of the file, because editors and atomic writes replace files rather than write them.
import { watch } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ToolError, toPage, type ResourceProvider } from '@drawbridge/kit';
import { listFiles } from './listing.ts';
import type { Parts } from './parts.ts';
import { mediaTypeOf } from './tools/read-media.ts';

const PAGE = 500;
/** With base64's third on top it stays under the ten megabytes that clients take in one message. */
const MOST_BYTES = 6 * 1024 * 1024;
const SNIFF_BYTES = 8192;

const TEXT_TYPES: Readonly<Record<string, string>> = {
  css: 'text/css',
  csv: 'text/csv',
  html: 'text/html',
  js: 'text/javascript',
  json: 'application/json',
  md: 'text/markdown',
  svg: 'image/svg+xml',
  xml: 'application/xml',
  yaml: 'application/yaml',
};

const toPath = (uri: string): string => {
  try {
    return fileURLToPath(uri);
  } catch (error) {
    throw new ToolError(`"${uri}" is not a file URI.`, {
      allowed: 'file:///absolute/path, with special characters percent-encoded',
      cause: error,
    });
  }
};

const toContents = async (uri: string, bytes: Buffer) => {
  if (bytes.subarray(0, SNIFF_BYTES).includes(0)) {
    return { uri, mimeType: await mediaTypeOf(bytes), blob: bytes.toString('base64') };
  }
  const extension = /\.(\w+)$/.exec(uri)?.[1]?.toLowerCase() ?? '';
  return { uri, mimeType: TEXT_TYPES[extension] ?? 'text/plain', text: bytes.toString('utf8') };
};

export const createFileResources = ({ guardOf, ripgrep }: Parts): ResourceProvider => ({
  templates: [
    {
      uriTemplate: 'file:///{+path}',
      name: 'file',
      title: 'File',
      description: 'A file in one of the roots.',
    },
  ],
  async list(cursor, context) {
    const guard = await guardOf(context);
    const uris = new Map<string, string>();
    for (const { real } of guard.roots) {
      const { signal } = context;
      await guard.withFolder(real, async (folder) => {
        for (const path of await listFiles(guard, folder, {
          ignored: false,
          signal,
          ripgrep,
        })) {
          uris.set(
            pathToFileURL(join(folder.real, path)).href,
            guard.show(join(folder.real, path)),
          );
        }
      });
    }
    const page = toPage([...uris], { cursor, limit: PAGE, scope: context.caller.roots });
    return {
      resources: page.items.map(([uri, name]) => ({ uri, name })),
      ...(page.next !== undefined && { nextCursor: page.next }),
    };
  },
  async read(uri, context) {
    const guard = await guardOf(context);
    return guard.withPlace(toPath(uri), { follow: true }, async ({ folder, name, shown }) => {
      const file = await folder.openFile(name);
      try {
        const { size } = await file.stat();
        if (size > MOST_BYTES) {
          throw new ToolError(`"${shown}" has ${size} bytes.`, {
            allowed: `resources up to ${MOST_BYTES} bytes`,
            hint: 'read_text, which reads parts of a file',
          });
        }
        return { contents: [await toContents(uri, await file.readFile())] };
      } finally {
        await file.close();
      }
    });
  },
  async watch(uri, context, onChange) {
    const guard = await guardOf(context);
    return guard.withPlace(toPath(uri), { follow: true }, async ({ folder, name }) => {
      await (await folder.openFile(name)).close();
      const watcher = watch(folder.real, { persistent: false }, (_event, changed) => {
        if (changed === null || changed === name) onChange();
      });
      // The folder itself went away: that is a change, and the last one.
      watcher.once('error', onChange);
      return () => watcher.close();
    });
  },
});
