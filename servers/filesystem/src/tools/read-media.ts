// `read_media`: pictures and sound, as content of their kind.
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { defineTool, type Tool } from '@drawbridge/kit';
import { readWhole } from '@drawbridge/paths';
import { z } from 'zod';
import { pathText } from '../arguments.ts';
import type { Deps } from '../deps.ts';

/** With base64's third on top it stays under the ten megabytes that clients take in one message. */
export const MAX_MEDIA_BYTES = 6 * 1024 * 1024;

export async function mediaTypeOf(bytes: Uint8Array): Promise<string> {
  const { fileTypeFromBuffer } = await import('file-type');
  return (await fileTypeFromBuffer(bytes))?.mime ?? 'application/octet-stream';
}

export function readMedia({ withGuard }: Deps): Tool {
  return defineTool({
    name: 'read_media',
    title: 'Read media',
    description: 'Reads a picture, sound or other binary file up to 6 MB.',
    effect: 'read',
    input: z.strictObject({ path: pathText }),
    output: z.object({ path: z.string(), media_type: z.string(), size: z.int() }),
    run: ({ path }, context) =>
      withGuard(context, (guard) =>
        guard.withPlace(path, { follow: true }, async ({ folder, name, shown }) => {
          const file = await folder.openFile(name);
          try {
            const bytes = await readWhole(file, { shown, most: MAX_MEDIA_BYTES });
            const size = bytes.length;
            const mimeType = await mediaTypeOf(bytes);
            const data = bytes.toString('base64');
            const uri = pathToFileURL(join(folder.real, name)).href;
            const [kind] = mimeType.split('/');
            return {
              output: { path: shown, media_type: mimeType, size },
              text: `[${shown}: ${mimeType}, ${size} bytes]`,
              content: [
                kind === 'image' || kind === 'audio'
                  ? { type: kind, data, mimeType }
                  : { type: 'resource', resource: { uri, mimeType, blob: data } },
              ],
            };
          } finally {
            await file.close();
          }
        }),
      ),
  });
}
