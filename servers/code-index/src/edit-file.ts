// Changes a file by its definitions. The file is read and parsed anew under its lock, and replaced in
// one step only if it is still what was parsed, so an index that is behind never harms a file.
import { ToolError, type CallContext } from '@drawbridge/kit';
import {
  OWNER_CHANGED,
  applyChanges,
  hashOf,
  lockKeyOf,
  quoted,
  readWhole,
  replaceText,
  toDiff,
  toShown,
  type Change,
  type PathGuard,
  type Place,
} from '@drawbridge/paths';
import type { Deps } from './deps.ts';
import { parseText, type ParsedText } from './locate-symbol.ts';
import { MAX_FILE } from './read-source.ts';

export interface EditedFile {
  path: string;
  written: boolean;
  diff: string;
  /** Of the file as it is now. */
  hash: string;
  /** What the reader should know. */
  notes: string[];
}

export interface EditOptions {
  guard: PathGuard;
  path: string;
  dryRun: boolean;
  expectedHash?: string | undefined;
  signal: CallContext['signal'];
  toChanges(text: string, parsed: ParsedText, shown: string): Change[] | Promise<Change[]>;
}

async function readText({ folder, name, shown }: Place): Promise<string> {
  const file = await folder.openFile(name);
  try {
    const bytes = await readWhole(file, { shown, most: MAX_FILE });
    const text = bytes.toString('utf8');
    if (text.includes('\0') || !Buffer.from(text).equals(bytes)) {
      throw new ToolError(`${quoted(shown)} is not UTF-8 text, so it cannot be edited.`);
    }
    return text;
  } finally {
    await file.close();
  }
}

export function editFile(deps: Deps, options: EditOptions): Promise<EditedFile> {
  const { guard, path, dryRun, expectedHash, signal, toChanges } = options;
  return guard.withPlace(path, { follow: true, change: !dryRun }, (place) =>
    deps.locks.hold(lockKeyOf(place), async () => {
      const { shown, name } = place;
      const before = await readText(place);
      const hash = hashOf(before);
      if (expectedHash !== undefined && expectedHash !== hash) {
        throw new ToolError(
          `${quoted(shown)} is not what you read. Its hash is ${hash}, not ${toShown(expectedHash)}.`,
          { hint: 'read_symbol again, and decide anew what to write' },
        );
      }
      const input = { path: name, shown, text: before };
      const parsed = await parseText(deps, input, signal);
      const changes = await toChanges(before, parsed, shown);
      const after = applyChanges(before, { start: 0, end: before.length }, changes);
      const diff = await toDiff(shown, before, changes);
      const notes: string[] = [];
      const broken = (await parseText(deps, { ...input, text: after }, signal)).broken;
      if (broken && !parsed.broken) notes.push('the file has a syntax error after this change');
      if (dryRun || after === before) return { path: shown, written: false, diff, hash, notes };
      const written = await replaceText(place, { content: after, expectedHash: hash, signal });
      if (written.owner_changed === true) notes.push(OWNER_CHANGED);
      return { path: shown, written: true, diff, hash: written.hash, notes };
    }),
  );
}
