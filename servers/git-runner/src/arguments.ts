// What callers may name: references, remotes and dates become arguments of git, and none of them may be
// read as an option (CVE-2025-68144) or carry what the command line or a file format gives a meaning to.
import { ToolError } from '@drawbridge/kit';

const MAX_REF = 256;
/** Control characters, space and what check-ref-format(1) refuses; `~^:@{}` serve in expressions. */
const WRONG_IN_EXPRESSION = /[\0-\x20\x7f?*[\\]/;

function show(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}

function assertPlain(text: string, what: string): void {
  if (text === '' || text.length > MAX_REF) {
    throw new ToolError(`The ${what} has ${text.length} characters.`, {
      allowed: `1 to ${MAX_REF}`,
    });
  }
  if (text.startsWith('-')) {
    throw new ToolError(`${show(text)} is not a ${what}: it begins with "-".`);
  }
}

/** A branch, tag, commit or expression such as `HEAD~2`, that names one commit. */
export function assertRevision(text: string): string {
  assertPlain(text, 'revision');
  if (WRONG_IN_EXPRESSION.test(text) || text.includes('..') || /[\^:{]\/|@\{[^}]*$/.test(text)) {
    throw new ToolError(`${show(text)} is not a revision.`, {
      allowed: 'a branch, a tag, a commit, or one with ~N, ^N or @{N}',
    });
  }
  return text;
}

/** The name of a branch or tag to be made, by the rules of check-ref-format(1). */
export function assertRefName(text: string): string {
  assertPlain(text, 'name of a branch or tag');
  const wrong =
    WRONG_IN_EXPRESSION.test(text) ||
    /[~^:]|\.\.|@\{|\/\/|^@$|^\/|\/$|\.$|\.lock(?:\/|$)|(?:^|\/)\./.test(text) ||
    text === 'HEAD';
  if (wrong) {
    throw new ToolError(`${show(text)} is not a name for a branch or tag.`, {
      allowed: 'letters, digits, "-", "_", "." and "/", such as feature/login',
    });
  }
  return text;
}

export function assertRemoteName(text: string): string {
  assertPlain(text, 'remote');
  if (!/^[A-Za-z0-9_][\w./-]{0,99}$/.test(text) || text.includes('..')) {
    throw new ToolError(`${show(text)} is not the name of a remote.`, {
      allowed: 'a name that remote_list shows, such as origin',
    });
  }
  return text;
}

/** A date as git reads it, such as `2026-01-31` or `2 weeks ago`. */
export function assertDate(text: string): string {
  assertPlain(text, 'date');
  if (!/^[\w :.,+/-]+$/.test(text)) {
    throw new ToolError(`${show(text)} is not a date.`, {
      allowed: '2026-01-31, 2026-01-31T10:00:00Z, "2 weeks ago"',
    });
  }
  return text;
}

/** Text that becomes part of one argument, behind an option's `=`. */
export function assertText(text: string, what: string): string {
  if (text.includes('\0')) throw new ToolError(`The ${what} has a NUL byte in it.`);
  return text;
}
