import { ToolError, defineTool, limitText, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import type { Parts } from '../parts.ts';
import type { Place } from '../path-guard.ts';
import { assertText, hashOf } from '../text-lines.ts';
import { lockKeyOf, replaceText } from './write.ts';

const MOST_BYTES = 16 * 1024 * 1024;
const MOST_DIFF_BYTES = 128 * 1024;

const readWhole = async ({ folder, name, shown }: Place): Promise<string> => {
  const file = await folder.openFile(name);
  try {
    const { size } = await file.stat();
    if (size > MOST_BYTES) {
      throw new ToolError(`"${shown}" has ${size} bytes.`, {
        allowed: `files up to ${MOST_BYTES} bytes`,
      });
    }
    const bytes = await file.readFile();
    assertText(bytes);
    const text = bytes.toString('utf8');
    // Written back, a wrong byte would become a replacement character.
    if (Buffer.byteLength(text) !== bytes.length || !Buffer.from(text).equals(bytes)) {
      throw new ToolError(`"${shown}" is not UTF-8, so it cannot be edited as text.`);
    }
    return text;
  } finally {
    await file.close();
  }
};

const countOf = (text: string, part: string): number => text.split(part).length - 1;

/** In a file of CRLF lines, a caller's LF means CRLF. */
const fitLineEnds = (part: string, text: string): string =>
  text.includes('\r\n') && !part.includes('\r') ? part.replaceAll('\n', '\r\n') : part;

const toShownDiff = (patch: string | undefined): string => {
  if (patch === undefined) return '[The difference is too large to show.]';
  const { text, cut } = limitText(patch, MOST_DIFF_BYTES);
  return cut ? `${text}\n[Cut here. Read the file to see the whole change.]` : text;
};

export const edit = ({ guardOf, locks }: Parts): Tool =>
  defineTool({
    name: 'edit',
    title: 'Edit a file',
    description: 'Replaces a passage that occurs exactly once, or every one. Answers with a diff.',
    effect: 'destructive',
    input: z.strictObject({
      path: z.string(),
      old_text: z.string().min(1),
      new_text: z.string(),
      replace_all: z.boolean().default(false),
      dry_run: z.boolean().default(false).describe('only show the diff'),
      expected_hash: z.string().optional(),
    }),
    output: z.object({
      path: z.string(),
      replaced: z.int(),
      written: z.boolean(),
      diff: z.string(),
      hash: z.string(),
    }),
    async run(args, context) {
      const guard = await guardOf(context);
      return guard.withPlace(args.path, { follow: true }, (place) =>
        locks.hold(lockKeyOf(place), async () => {
          const { shown } = place;
          const before = await readWhole(place);
          const old = fitLineEnds(args.old_text, before);
          const count = countOf(before, old);
          if (count === 0) {
            throw new ToolError(`old_text does not occur in "${shown}" (0 matches).`, {
              hint: 'read_text, and copy the passage with its exact white space',
            });
          }
          if (count > 1 && !args.replace_all) {
            throw new ToolError(`old_text occurs ${count} times in "${shown}".`, {
              hint: 'more of the text around it, or replace_all: true',
            });
          }
          const after = before.split(old).join(fitLineEnds(args.new_text, before));
          const { FILE_HEADERS_ONLY, createTwoFilesPatch } = await import('diff');
          const patch = createTwoFilesPatch(shown, shown, before, after, undefined, undefined, {
            context: 3,
            timeout: 2_000,
            headerOptions: FILE_HEADERS_ONLY,
          });
          const diff = toShownDiff(patch);
          const written = !args.dry_run;
          // What was just read is what must still be there; the caller's own hash, if any, is stricter.
          const expected = args.expected_hash ?? hashOf(before);
          if (written) await replaceText(place, after, expected);
          return {
            output: {
              path: shown,
              replaced: count,
              written,
              diff,
              hash: hashOf(written ? after : before),
            },
            text: `${written ? 'Replaced' : 'Would replace'} ${count} in ${shown}\n${diff}`,
          };
        }),
      );
    },
  });
