// `edit`: replaces passages of a text file, and answers with the difference.
import { ToolError, defineTool, type Tool } from '@drawbridge/kit';
import {
  OWNER_CHANGED,
  applyChanges,
  hashOf,
  lockKeyOf,
  quoted,
  readWhole,
  replaceText,
  toDiff,
  type Change,
  type Place,
} from '@drawbridge/paths';
import { z } from 'zod';
import { contentText, hashText, pathText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { findPassages, fitLineEnds } from '../passages.ts';
import { assertText } from '../text-lines.ts';

const MAX_BYTES = 16 * 1024 * 1024;
const MAX_REPLACED = 100_000;

async function readText({ folder, name, shown }: Place): Promise<string> {
  const file = await folder.openFile(name);
  try {
    const bytes = await readWhole(file, { shown, most: MAX_BYTES });
    assertText(bytes);
    const text = bytes.toString('utf8');
    // Written back, a wrong byte would become a replacement character.
    if (Buffer.byteLength(text) !== bytes.length || !Buffer.from(text).equals(bytes)) {
      throw new ToolError(`${quoted(shown)} is not UTF-8, so it cannot be edited as text.`);
    }
    return text;
  } finally {
    await file.close();
  }
}

interface Wanted {
  old_text: string;
  new_text: string;
  replace_all: boolean;
}

/**
 * Where the passage stands, and what is to stand there. A passage with a carriage return is looked for
 * as it is, and replaced by what is given as it is; any other, and one that is not found so, without
 * regard to the kind of its line ends, and its replacement gets those of the place.
 */
function toChanges(before: string, wanted: Wanted, shown: string): Change[] {
  const { old_text: old, new_text: replacement, replace_all: all } = wanted;
  const find = (literal: boolean) => findPassages(before, old, { literal, most: MAX_REPLACED });
  let literal = old.includes('\r');
  let found = find(literal);
  if (literal && found.count === 0) {
    literal = false;
    found = find(literal);
  }
  const { passages, count } = found;
  if (count === 0) {
    throw new ToolError(`old_text does not occur in ${quoted(shown)} (0 matches).`, {
      hint: 'read_text, and copy the passage with its exact white space',
    });
  }
  if (count > 1 && !all) {
    throw new ToolError(`old_text occurs ${count} times in ${quoted(shown)}.`, {
      hint: 'more of the text around it, or replace_all: true',
    });
  }
  if (count > MAX_REPLACED) {
    throw new ToolError(`old_text occurs ${count} times in ${quoted(shown)}.`, {
      allowed: `${MAX_REPLACED} replacements at once`,
      hint: 'more of the text around it',
    });
  }
  const size = before.length + count * (replacement.length - old.length);
  if (size > MAX_BYTES) {
    throw new ToolError(`${quoted(shown)} would have some ${size} bytes.`, {
      allowed: `files up to ${MAX_BYTES} bytes`,
    });
  }
  return passages.map((passage) => ({
    ...passage,
    replacement: literal ? replacement : fitLineEnds(before, passage, replacement),
  }));
}

export function edit({ withGuard, locks }: Deps): Tool {
  return defineTool({
    name: 'edit',
    title: 'Edit a file',
    description: 'Replaces a passage that occurs once, or all. Answers with a diff.',
    effect: 'destructive',
    input: z.strictObject({
      path: pathText,
      old_text: contentText.min(1),
      new_text: contentText,
      replace_all: z.boolean().default(false),
      dry_run: z.boolean().default(false),
      expected_hash: hashText.optional(),
    }),
    output: z.object({
      path: z.string(),
      replaced: z.int(),
      written: z.boolean(),
      diff: z.string(),
      hash: z.string(),
      owner_changed: z.boolean().optional(),
    }),
    run: (args, { signal, ...context }) =>
      withGuard(context, (guard) =>
        guard.withPlace(args.path, { follow: true, change: !args.dry_run }, (place) =>
          locks.hold(lockKeyOf(place), async () => {
            const { shown } = place;
            const before = await readText(place);
            const changes = toChanges(before, args, shown);
            const after = applyChanges(before, { start: 0, end: before.length }, changes);
            const diff = await toDiff(shown, before, changes);
            // What was just read is what must still be there; the caller's own hash, if any, is stricter.
            const expectedHash = args.expected_hash ?? hashOf(before);
            const written = args.dry_run
              ? undefined
              : await replaceText(place, { content: after, expectedHash, signal });
            const changed = written?.owner_changed === true;
            const done = `${args.dry_run ? 'Would replace' : 'Replaced'} ${changes.length} in ${shown}`;
            return {
              output: {
                path: shown,
                replaced: changes.length,
                written: written !== undefined,
                diff,
                hash: written?.hash ?? hashOf(before),
                ...(changed && { owner_changed: true }),
              },
              text: `${changed ? `${done}; ${OWNER_CHANGED}` : done}\n${diff}`,
            };
          }),
        ),
      ),
  });
}
