// A repository's settings, read as data. Any of them may run a program (filters, drivers, helpers,
// aliases, and whatever a later git adds), under names that the repository chooses, so it is not the
// dangerous that are taken out: only settings known to be harmless are kept, and git gets those alone.
import { ToolError } from '@drawbridge/kit';
import { parseRemoteUrl } from './remote-url.ts';

export interface Setting {
  /** Section and name in lower case; what stands between them as written. */
  key: string;
  value: string;
}

const kept = new Set([
  'core.filemode',
  'core.ignorecase',
  'core.precomposeunicode',
  'core.symlinks',
  'core.autocrlf',
  'core.eol',
  'core.safecrlf',
  'core.logallrefupdates',
  'core.sparsecheckout',
  'core.sparsecheckoutcone',
  'core.bigfilethreshold',
  'user.name',
  'user.email',
  'author.name',
  'author.email',
  'committer.name',
  'committer.email',
  'remote.pushdefault',
  'push.default',
  'pull.rebase',
  'pull.ff',
  'merge.ff',
  'merge.renames',
  'diff.algorithm',
  'diff.renames',
  'i18n.commitencoding',
]);
const CONTROL = /\p{Cc}/u;
const keptOfBranch = new Set(['remote', 'merge', 'rebase', 'pushremote', 'description']);
/** Extensions that are understood without being kept. */
const understood = new Set([
  'noop',
  'preciousobjects',
  'partialclone',
  'worktreeconfig',
  'relativeworktrees',
]);

interface KeyParts {
  section: string;
  middle: string | undefined;
  name: string;
}

export function splitKey(key: string): KeyParts {
  const first = key.indexOf('.');
  const last = key.lastIndexOf('.');
  return {
    section: key.slice(0, first),
    middle: first === last ? undefined : key.slice(first + 1, last),
    name: key.slice(last + 1),
  };
}

/** The remote's address without secrets; nothing when git may not be given it. */
function toSafeUrl(value: string): string | undefined {
  try {
    return parseRemoteUrl(value).url;
  } catch (error) {
    if (error instanceof ToolError) return undefined;
    throw error;
  }
}

/** Whether fetching by it changes nothing but what is known of that remote. */
function isOwnRefspec(remote: string, value: string): boolean {
  const [, to] = /^\+?refs\/(?:heads|tags)\/[\w./*-]+:(refs\/[\w./*-]+)$/.exec(value) ?? [];
  return (
    to !== undefined && (to.startsWith(`refs/remotes/${remote}/`) || to.startsWith('refs/tags/'))
  );
}

function keepOfRemote(remote: string, { key, value }: Setting): Setting[] {
  const name = key.slice(key.lastIndexOf('.') + 1);
  if (name === 'url' || name === 'pushurl') {
    const url = toSafeUrl(value);
    return url === undefined ? [] : [{ key, value: url }];
  }
  if (name === 'fetch') return isOwnRefspec(remote, value) ? [{ key, value }] : [];
  return name === 'prune' || name === 'tagopt' ? [{ key, value }] : [];
}

/** The settings that git may have. @throws ToolError for a format that is not understood. */
export function keepHarmless(settings: readonly Setting[]): Setting[] {
  return settings.flatMap((setting): Setting[] => {
    const { section, middle, name } = splitKey(setting.key);
    const { key, value } = setting;
    if (CONTROL.test(value.replaceAll(/[\t\n]/g, '')) || CONTROL.test(key)) return [];
    if (section === 'extensions') {
      if (name === 'objectformat' && /^sha(?:1|256)$/.test(value)) return [setting];
      if (understood.has(name) || (name === 'refstorage' && value === 'files')) return [];
      throw new ToolError(`The repository uses extensions.${name}, which is not supported here.`);
    }
    if (kept.has(key)) return [setting];
    if (middle === undefined) return [];
    if (section === 'remote') return keepOfRemote(middle, setting);
    if (section !== 'branch' || !keptOfBranch.has(name)) return [];
    // A path as remote would be one to fetch from.
    const isSafe = !name.endsWith('remote') || /^(?:\.|\w[\w./-]*)$/.test(value);
    return isSafe && !value.startsWith('-') ? [setting] : [];
  });
}

/** Reads the answer of `git config --list --null`. */
export function parseListing(output: string): Setting[] {
  return output
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const at = entry.indexOf('\n');
      // A name alone means true.
      return at < 0
        ? { key: entry, value: 'true' }
        : { key: entry.slice(0, at), value: entry.slice(at + 1) };
    });
}

function inQuotes(text: string): string {
  const escaped = text.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\t', '\\t');
  return `"${escaped}"`;
}

/** As a settings file. */
export function toSettingsText(settings: readonly Setting[]): string {
  return settings
    .map(({ key, value }) => {
      const { section, middle, name } = splitKey(key);
      const subsection = middle === undefined ? '' : ` "${middle.replaceAll(/["\\]/g, '\\$&')}"`;
      return `[${section}${subsection}]\n\t${name} = ${inQuotes(value)}\n`;
    })
    .join('');
}
