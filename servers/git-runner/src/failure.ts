// What git says when it refuses, in words that a model can act on. Its own words follow, without secrets
// and without what a reader cannot see.
import { statSync } from 'node:fs';
import { ToolError } from '@drawbridge/kit';
import { redact } from './redact.ts';

const NO_AUTHOR = 'A commit needs an author, and none is set.';

const known: readonly (readonly [RegExp, wrong: string, hint: string])[] = [
  [
    /tell me who you are|empty ident name|no (?:name|email) was given|unable to auto-detect email/i,
    NO_AUTHOR,
    'author_name and author_email of commit, user.name and user.email in the repository, or GIT_AUTHOR_NAME and GIT_AUTHOR_EMAIL in the environment of this server',
  ],
  [
    /unknown revision|bad revision|not a valid object name|invalid reference|not a commit|Needed a single revision|bad object|did not match any file\(s\) known to git|not something we can merge/i,
    'There is no such revision or path.',
    'branch_list, log or status, to see what there is',
  ],
  [
    /does not have any commits yet|your current branch .* does not have any commits/i,
    'The branch has no commits yet.',
    'add and commit first',
  ],
  [
    /nothing to commit|nothing added to commit|no changes added to commit/i,
    'There is nothing to commit.',
    'add first; status shows what changed',
  ],
  [
    /previous cherry-pick is now empty/i,
    'What was to be picked changes nothing here.',
    'action: "skip"',
  ],
  [
    /would be overwritten by|local changes|uncommitted changes|unstaged changes|not uptodate|index contains uncommitted/i,
    'Changes that are not committed stand in the way.',
    'commit or stash them first',
  ],
  [
    /non-fast-forward|fetch first|stale info|rejected\]/i,
    'The remote has what this branch has not.',
    'pull first; or push with force_with_lease, if what is there may be lost',
  ],
  [
    /Not possible to fast-forward|Diverging branches can't be fast-forwarded|divergent branches/i,
    'The branches have gone apart.',
    'pull with rebase: true, or merge',
  ],
  [
    /Authentication failed|could not read (?:Username|Password)|Permission denied|terminal prompts disabled|error: 40[13]/i,
    'The remote asks for credentials that this server does not have, or refuses them.',
    'the operator can set DRAWBRIDGE_GIT_CREDENTIALS for this host',
  ],
  [/transport '.*' not allowed/i, 'This kind of remote is not allowed.', 'an https:// remote'],
];

const LOCK = /Unable to create '([^']+\.lock)': File exists/;

function toLockError(path: string, shown: string): ToolError {
  const stat = statSync(path, { throwIfNoEntry: false });
  const age = stat === undefined ? undefined : Math.round((Date.now() - stat.mtimeMs) / 1_000);
  return new ToolError(
    `Another git process is at work here, or one was stopped: ${shown} exists` +
      `${age === undefined ? '' : `, made ${age} s ago`}. It was not removed.`,
    { hint: 'the same call again; if no git is running, the owner may delete that file' },
  );
}

export interface FailureOptions {
  /** What git was to do. */
  command: string;
  secrets?: readonly string[];
  /** Paths of ours, by what they stand for. */
  places?: readonly (readonly [path: string, shown: string])[];
}

// Controls other than the line feed, format characters, separators.
const HIDDEN = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

export function toFailure(
  stderr: string,
  { command, secrets = [], places = [] }: FailureOptions,
): ToolError {
  const words = places
    .reduce((text, [path, shown]) => text.replaceAll(path, shown), redact(stderr, secrets))
    .replaceAll(HIDDEN, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('hint:'))
    .join('\n')
    .slice(0, 1_500);
  const [, lock] = LOCK.exec(stderr) ?? [];
  if (lock !== undefined) return toLockError(lock, LOCK.exec(words)?.[1] ?? 'a lock file');
  const found = known.find(([pattern]) => pattern.test(stderr));
  const [, wrong = `git ${command} failed.`, hint] = found ?? [];
  // Git's own words would say to set it for every repository of the user.
  const isSaid = words === '' || wrong === NO_AUTHOR;
  return new ToolError(isSaid ? wrong : `${wrong}\n${words}`, {
    ...(hint !== undefined && { hint }),
  });
}
