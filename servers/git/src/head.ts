// Where HEAD stands, as every changing tool answers it, and who commits.
import { z } from 'zod';
import type { Deps, OpenRepository } from './deps.ts';

export const headShape = { head: z.string().optional(), branch: z.string().optional() };

export interface Head {
  head?: string;
  branch?: string;
}

export async function readHead(repository: OpenRepository): Promise<Head> {
  const quiet = { answers: [1, 128] };
  const [hash, branch] = await Promise.all([
    repository.run(['rev-parse', '--verify', '--quiet', 'HEAD'], quiet),
    repository.run(['symbolic-ref', '--quiet', '--short', 'HEAD'], quiet),
  ]);
  const [head, name] = [hash, branch].map(({ stdout }) => stdout.toString().trim());
  return {
    ...(head !== undefined && head !== '' && { head }),
    ...(name !== undefined && name !== '' && { branch: name }),
  };
}

export function toHeadText({ head = 'no commit yet', branch }: Head): string {
  return branch === undefined ? `HEAD at ${head}` : `${branch} at ${head}`;
}

export interface Author {
  name?: string | undefined;
  email?: string | undefined;
}

/** The environment that says who commits: the caller's author, else the repository's, else the operator's. */
export function toIdentityEnvironment(
  { settings }: Pick<OpenRepository, 'settings'>,
  { identity }: Pick<Deps, 'identity'>,
  { name, email }: Author = {},
): Record<string, string> {
  const has = (key: string): boolean => settings.some((setting) => setting.key === key);
  const isSet = has('user.name') && has('user.email');
  return {
    ...(!isSet && identity),
    ...(name !== undefined && { GIT_AUTHOR_NAME: name }),
    ...(email !== undefined && { GIT_AUTHOR_EMAIL: email }),
    // A committer is needed as well, and nobody else is known.
    ...(!isSet &&
      !('GIT_COMMITTER_NAME' in identity) &&
      name !== undefined &&
      email !== undefined && {
        GIT_COMMITTER_NAME: name,
        GIT_COMMITTER_EMAIL: email,
      }),
  };
}

/** From the operator's environment, where it has both names. */
export function readIdentity(env: NodeJS.ProcessEnv): Record<string, string> {
  const { GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email } = env;
  if (name === undefined || email === undefined) return {};
  return {
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: env['GIT_COMMITTER_NAME'] ?? name,
    GIT_COMMITTER_EMAIL: env['GIT_COMMITTER_EMAIL'] ?? email,
  };
}
