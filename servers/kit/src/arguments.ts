// Strict reading of a call's arguments, with errors that name the argument a model probably meant:
// models carry names over from other servers (`file` for `path`), and a bare "unrecognized key"
// costs them a second guess.
import type { z } from 'zod';
import { ToolError } from './tool-error.ts';

/** Words that models use for one another. A group answers for whichever of its words a tool has. */
const synonyms: readonly (readonly string[])[] = [
  ['path', 'file', 'filepath', 'filename', 'directory', 'dir', 'folder', 'target', 'uri'],
  ['paths', 'files', 'filepaths', 'filenames'],
  ['from', 'source', 'src', 'oldpath', 'sourcepath'],
  ['to', 'destination', 'dest', 'dst', 'newpath', 'destinationpath'],
  ['content', 'contents', 'text', 'body', 'data'],
  ['oldtext', 'oldstring', 'oldstr', 'search', 'find'],
  ['newtext', 'newstring', 'newstr', 'replace', 'replacement'],
  ['pattern', 'query', 'regex', 'glob', 'search', 'q'],
  ['limit', 'max', 'count', 'maxresults', 'pagesize', 'lines'],
  ['offset', 'start', 'line', 'startline'],
  ['cursor', 'pagetoken', 'nextcursor', 'page', 'next'],
  ['exclude', 'excludes', 'excludepatterns', 'ignore'],
  ['depth', 'maxdepth', 'level', 'levels'],
  ['url', 'uri', 'link', 'href', 'address'],
  ['ref', 'revision', 'commit', 'branch'],
];

function bare(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** The argument that `unknown` stands for, or nothing when there is no good guess. */
export function guessArgument(unknown: string, known: readonly string[]): string | undefined {
  const word = bare(unknown);
  const same = known.find((name) => bare(name) === word);
  if (same !== undefined) return same;
  const candidates = synonyms
    .filter((group) => group.includes(word))
    .flatMap((group) => group.flatMap((other) => known.filter((name) => bare(name) === other)));
  return candidates[0];
}

function article(count: number): string {
  return count === 1 ? 'argument' : 'arguments';
}

/** @throws ToolError with every issue at once. */
export function parseArguments<Schema extends z.ZodObject>(
  schema: Schema,
  given: unknown,
  aliases: Readonly<Record<string, string>> = {},
): z.output<Schema> {
  const parsed = schema.safeParse(given ?? {});
  if (parsed.success) return parsed.data;
  const known = Object.keys(schema.shape);
  const issues = parsed.error.issues.flatMap((issue): string[] => {
    const at = issue.path.map(String).join('.');
    if (issue.code !== 'unrecognized_keys') return [`"${at}": ${issue.message}`];
    return issue.keys.map((key) => {
      const meant = aliases[key] ?? guessArgument(key, known);
      return `"${key}" is not an argument here${meant === undefined ? '' : `; use "${meant}"`}`;
    });
  });
  const isRequired = (name: string): boolean =>
    schema.shape[name]?.safeParse(undefined).success !== true;
  throw new ToolError(`Wrong ${article(issues.length)}. ${issues.join('. ')}.`, {
    allowed: known.map((name) => (isRequired(name) ? `${name} (required)` : name)).join(', '),
  });
}
