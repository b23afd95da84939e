// `read_text`: a window of lines of a text file of any size.
import {
  ToolError,
  TEXT_LIMIT_BYTES,
  defineTool,
  fromCursor,
  toCursor,
  type Tool,
} from '@drawbridge/kit';
import { quoted } from '@drawbridge/paths';
import { z } from 'zod';
import { cursorText, pathText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { readWindow, type Start, type Window } from '../text-lines.ts';

const MAX_LINES = 100_000;
/** Room for the line that says what the text is. */
const HEADER_BYTES = 4_096;

export function withNumbers(text: string, firstLine: number): string {
  const lines = text.split('\n');
  const end = lines.at(-1) === '' ? lines.pop() : undefined;
  const numbered = lines.map((line, index) => `${firstLine + index}\t${line}`).join('\n');
  return end === undefined ? numbered : `${numbered}\n`;
}

export function describeWindow(shown: string, window: Window, size: number): string {
  const { firstLine, lastLine, totalLines, hash } = window;
  const lines =
    firstLine === undefined
      ? 'last lines'
      : `lines ${firstLine}-${lastLine}${totalLines === undefined ? '' : ` of ${totalLines}`}`;
  return `[${shown}: ${lines}, ${size} bytes${hash === undefined ? '' : `, hash ${hash}`}]`;
}

export function readText({ withGuard }: Deps): Tool {
  return defineTool({
    name: 'read_text',
    title: 'Read text',
    description: 'Reads a text file, or lines of it.',
    effect: 'read',
    input: z.strictObject({
      path: pathText,
      offset: z.int().min(1).optional().describe('first line, from 1'),
      limit: z.int().min(1).optional(),
      head: z.int().min(1).optional(),
      tail: z.int().min(1).optional(),
      line_numbers: z.boolean().default(false),
      cursor: cursorText.optional(),
    }),
    output: z.object({
      path: z.string(),
      content: z.string(),
      first_line: z.int().optional(),
      last_line: z.int().optional(),
      total_lines: z.int().optional(),
      size: z.int(),
      hash: z.string().optional(),
      next: z.string().optional(),
    }),
    run({ path, offset, limit, head, tail, line_numbers: numbers, cursor }, context) {
      if ([offset ?? limit, head, tail, cursor].filter((given) => given !== undefined).length > 1) {
        throw new ToolError('offset and limit, head, tail, and cursor exclude one another.', {
          allowed: 'offset with limit, or head, or tail, or cursor',
        });
      }
      return withGuard(context, (guard) =>
        guard.withPlace(path, { follow: true }, async ({ folder, name, shown }) => {
          const file = await folder.openFile(name);
          try {
            const { size } = await file.stat();
            const [byte = 0, line = 0, left = 0] = fromCursor(cursor, [path], [0, 0, 0]);
            const lines = cursor === undefined ? (limit ?? head ?? tail ?? MAX_LINES) : left;
            const start: Start =
              cursor !== undefined
                ? { byte, line }
                : tail !== undefined
                  ? { last: tail }
                  : { line: offset ?? 1 };
            const window = await readWindow(file, size, {
              start,
              lines,
              // Numbers take room as well.
              bytes: (numbers ? TEXT_LIMIT_BYTES / 2 : TEXT_LIMIT_BYTES) - HEADER_BYTES,
              signal: context.signal,
            });
            const { text, firstLine, lastLine, totalLines, hash } = window;
            if (offset !== undefined && offset > 1 && text === '') {
              throw new ToolError(`Line ${offset} is beyond the end of ${quoted(shown)}.`, {
                allowed: totalLines === undefined ? 'a smaller offset' : `1 to ${totalLines}`,
              });
            }
            const done = (lastLine ?? 0) - (firstLine ?? 1) + 1;
            const next =
              window.next === undefined
                ? undefined
                : toCursor(
                    [window.next.byte, window.next.line, Math.max(lines - done, 0) || lines],
                    [path],
                  );
            const shownText =
              numbers && firstLine !== undefined ? withNumbers(text, firstLine) : text;
            const more =
              next === undefined
                ? ''
                : `\n[More follows: cursor "${next}", or offset ${window.next?.line}]`;
            return {
              output: {
                path: shown,
                content: text,
                ...(firstLine !== undefined && { first_line: firstLine, last_line: lastLine }),
                ...(totalLines !== undefined && { total_lines: totalLines }),
                size,
                ...(hash !== undefined && { hash }),
                ...(next !== undefined && { next }),
              },
              text: `${describeWindow(shown, window, size)}\n${shownText}${more}`,
            };
          } finally {
            await file.close();
          }
        }),
      );
    },
  });
}
