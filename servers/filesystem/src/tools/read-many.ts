// `read_many`: several text files in one answer, each with its own error.
import { ToolError, TEXT_LIMIT_BYTES, defineTool, type Tool } from '@drawbridge/kit';
import { toShown } from '@drawbridge/paths';
import { z } from 'zod';
import { pathText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { readWindow } from '../text-lines.ts';

const MAX_FILES = 50;
/** Room for the names and notes between the files. */
const NOTES_BYTES = 32 * 1024;
const MAX_LINES = 1_000_000;

export function readMany({ withGuard }: Deps): Tool {
  return defineTool({
    name: 'read_many',
    title: 'Read texts',
    description: 'Reads text files; each fails by itself.',
    effect: 'read',
    input: z.strictObject({ paths: z.array(pathText).min(1).max(MAX_FILES) }),
    output: z.object({
      files: z.array(
        z.object({
          path: z.string(),
          content: z.string().optional(),
          cut: z.boolean().optional(),
          error: z.string().optional(),
        }),
      ),
    }),
    run: ({ paths }, context) =>
      withGuard(context, async (guard) => {
        let room = TEXT_LIMIT_BYTES - NOTES_BYTES;
        const files: { path: string; content?: string; cut?: boolean; error?: string }[] = [];
        for (const [index, path] of paths.entries()) {
          if (room <= 0) {
            files.push({
              path: toShown(path),
              error: 'Left out: the answer is full. Read it by itself.',
            });
            continue;
          }
          try {
            files.push(
              await guard.withPlace(path, { follow: true }, async ({ folder, name, shown }) => {
                const file = await folder.openFile(name);
                try {
                  const { size } = await file.stat();
                  const { text, next } = await readWindow(file, size, {
                    start: { line: 1 },
                    lines: MAX_LINES,
                    bytes: room,
                    totals: false,
                    signal: context.signal,
                  });
                  room -= Buffer.byteLength(text);
                  return { path: shown, content: text, ...(next !== undefined && { cut: true }) };
                } finally {
                  await file.close();
                }
              }),
            );
          } catch (error) {
            if (!(error instanceof ToolError)) throw error;
            files.push({ path: toShown(path), error: error.message });
          }
          await context.progress(index + 1, paths.length);
        }
        const texts = files.map(({ path, content, cut, error }) => {
          if (error !== undefined) return `[${path}: ${error}]`;
          return `[${path}]\n${content}${cut === true ? '\n[Cut here. The rest: read_text]' : ''}`;
        });
        return { output: { files }, text: texts.join('\n') };
      }),
  });
}
