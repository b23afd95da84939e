// The remotes of a repository, as far as git may use them, and what a branch follows.
import { ToolError } from '@drawbridge/kit';
import { assertRefName, assertRemoteName } from '@drawbridge/git-runner';
import type { OpenRepository } from './deps.ts';
import { readHead } from './head.ts';

export interface Remote {
  name: string;
  url: string | undefined;
  pushUrl: string | undefined;
}

export function listRemotes({ settings }: Pick<OpenRepository, 'settings'>): Remote[] {
  const remotes = new Map<string, Remote>();
  for (const { key, value } of settings) {
    const [, name, field] = /^remote\.([^]+)\.(url|pushurl|fetch)$/.exec(key) ?? [];
    if (name === undefined) continue;
    const remote = remotes.get(name) ?? { name, url: undefined, pushUrl: undefined };
    remotes.set(name, remote);
    if (field === 'url') remote.url ??= value;
    if (field === 'pushurl') remote.pushUrl ??= value;
  }
  return [...remotes.values()];
}

export function findRemote(repository: OpenRepository, given: string): Remote & { url: string } {
  const name = assertRemoteName(given);
  const remotes = listRemotes(repository);
  const found = remotes.find((remote) => remote.name === name);
  const { url, pushUrl } = found ?? {};
  if (url !== undefined) return { name, url, pushUrl };
  throw new ToolError(
    found === undefined
      ? `There is no remote ${JSON.stringify(name)}.`
      : `The remote ${JSON.stringify(name)} has no address that may be used here.`,
    {
      allowed:
        remotes.flatMap((remote) => (remote.url === undefined ? [] : [remote.name])).join(', ') ||
        'none',
      hint: 'https:// addresses; ssh and http for hosts that the operator allows',
    },
  );
}

export interface Following {
  remote: string;
  remoteBranch: string;
}

/** What the caller names, else what the branch follows, else the branch of that name at origin. */
export async function findFollowed(
  repository: OpenRepository,
  { remote, branch }: { remote?: string | undefined; branch?: string | undefined },
): Promise<Following> {
  const { branch: current } = await readHead(repository);
  const valueOf = (name: string): string | undefined =>
    repository.settings.findLast(({ key }) => key === `branch.${current}.${name}`)?.value;
  const remoteBranch = branch ?? valueOf('merge')?.replace(/^refs\/heads\//, '') ?? current;
  if (remoteBranch === undefined) {
    throw new ToolError('HEAD is detached, so nothing says which branch.', { allowed: 'branch' });
  }
  return {
    remote: assertRemoteName(remote ?? valueOf('remote') ?? 'origin'),
    remoteBranch: assertRefName(remoteBranch),
  };
}

export interface FetchOptions {
  remote: string;
  /** One branch instead of those that the remote is set up for. */
  branch?: string | undefined;
  prune?: boolean;
  onMessage?: (piece: string) => void;
}

/** Answers what git says of the references it changed. */
export async function fetchRemote(
  repository: OpenRepository,
  { remote, branch, prune = false, onMessage }: FetchOptions,
): Promise<string> {
  const { name, url } = findRemote(repository, remote);
  // What the repository says of references could change any of them.
  const refspec =
    branch === undefined
      ? `+refs/heads/*:refs/remotes/${name}/*`
      : `+refs/heads/${assertRefName(branch)}:refs/remotes/${name}/${branch}`;
  const { stderr } = await repository.run(
    [
      'fetch',
      '--no-recurse-submodules',
      '--no-auto-maintenance',
      ...(onMessage === undefined ? [] : ['--progress']),
      ...(prune && branch === undefined ? ['--prune'] : []),
      '--end-of-options',
      name,
      refspec,
    ],
    { remote: url, ...(onMessage !== undefined && { onMessage }) },
  );
  return stderr
    .split(/\r?\n/)
    .filter((line) => / -> /.test(line))
    .map((line) => line.trim().replaceAll(/ +/g, ' '))
    .join('\n');
}
