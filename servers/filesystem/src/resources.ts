// Files as `file://` resources: listed a page at a time, read whole, watched one by one. A watch sits
// on the folder of the file, because editors and atomic writes replace files rather than write them.
import { watch } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ToolError, toPage, type ResourceProvider } from '@drawbridge/kit';
import { inQuotes, listFiles, readWhole } from '@drawbridge/paths';
import type { Deps } from './deps.ts';
import { MAX_MEDIA_BYTES, mediaTypeOf } from './tools/read-media.ts';

const PAGE = 500;
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

function toPath(uri: string): string {
  try {
    return fileURLToPath(uri);
  } catch (error) {
    throw new ToolError(`${inQuotes(uri)} is not a file URI.`, {
      allowed: 'file:///absolute/path, with special characters percent-encoded',
      cause: error,
    });
  }
}

async function toContents(uri: string, bytes: Buffer) {
  if (bytes.subarray(0, SNIFF_BYTES).includes(0)) {
    return { uri, mimeType: await mediaTypeOf(bytes), blob: bytes.toString('base64') };
  }
  const extension = /\.(\w+)$/.exec(uri)?.[1]?.toLowerCase() ?? '';
  return { uri, mimeType: TEXT_TYPES[extension] ?? 'text/plain', text: bytes.toString('utf8') };
}

export function createFileResources({ withGuard, ripgrep }: Deps): ResourceProvider {
  return {
    templates: [
      {
        uriTemplate: 'file:///{+path}',
        name: 'file',
        title: 'File',
        description: 'A file in one of the roots.',
      },
    ],
    list: (cursor, context) =>
      withGuard(context, async (guard) => {
        const { signal } = context;
        /** Once each, also where one root lies in another. */
        const files = new Set<string>();
        for (const root of guard.roots) {
          await guard.withRoot(root, async (folder) => {
            for (const path of await listFiles(guard, folder, {
              ignored: false,
              signal,
              ripgrep,
            })) {
              files.add(join(folder.real, path));
            }
          });
        }
        const page = toPage([...files], { cursor, limit: PAGE, scope: context.caller.roots });
        return {
          resources: page.items.map((path) => ({
            uri: pathToFileURL(path).href,
            name: guard.show(path),
          })),
          ...(page.next !== undefined && { nextCursor: page.next }),
        };
      }),
    read: (uri, context) =>
      withGuard(context, (guard) =>
        guard.withPlace(toPath(uri), { follow: true }, async ({ folder, name, shown }) => {
          const file = await folder.openFile(name);
          try {
            const bytes = await readWhole(file, {
              shown,
              most: MAX_MEDIA_BYTES,
              hint: 'read_text, which reads parts of a file',
            });
            return { contents: [await toContents(uri, bytes)] };
          } finally {
            await file.close();
          }
        }),
      ),
    watch: (uri, context, onChange) =>
      withGuard(context, (guard) =>
        guard.withPlace(toPath(uri), { follow: true }, async ({ folder, name }) => {
          await (await folder.openFile(name)).close();
          // By the open folder: what is watched stays that folder, whatever its path becomes.
          const watcher = watch(folder.path, { persistent: false }, (_event, changed) => {
            if (changed === null || changed === name) onChange();
          });
          // The folder itself went away: that is a change, and the last one.
          watcher.once('error', onChange);
          return () => watcher.close();
        }),
      ),
  };
}
