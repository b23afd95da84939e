// Where servers without a `cwd` of their own start. Package runners such as npx look for programs in
// the folder they start in and in every folder above it, so a folder inside a project would let the
// project decide what runs.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { toUserStateFolder } from '@drawbridge/schemas';
import { isInside, toRealPath } from './inside.ts';

/**
 * `<home>/servers`; where the home lies in one of the `roots`, a folder of the user's state instead,
 * to which `<home>/servers` is then a link.
 */
export function toServersFolder(options: {
  readonly home: string;
  readonly roots: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}): string {
  const { home, roots, env } = options;
  const state = toUserStateFolder(env);
  if (state === undefined || !roots.some((root) => isInside(root, home))) {
    return join(home, 'servers');
  }
  const id = createHash('sha256').update(toRealPath(home)).digest('hex').slice(0, 16);
  return join(state, 'servers', id);
}
