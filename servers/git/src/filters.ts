// Files that the repository wants passed through a program when they are staged (Git LFS and the like).
import { ToolError } from '@drawbridge/kit';
import { toShown } from '@drawbridge/paths';
import type { OpenRepository } from './deps.ts';

/**
 * Throws for changed files with a filter: nothing runs it here, and their whole content would be
 * committed in place of what it makes of them.
 */
export async function assertNoFilter(
  repository: OpenRepository,
  pathspecs: readonly string[],
  { untracked }: { untracked: boolean },
): Promise<void> {
  const others = untracked ? ['--others', '--exclude-standard'] : [];
  const list = ['ls-files', '-z', '--modified', ...others, '--'];
  const changed = await repository.run([...list, ...pathspecs]);
  if (changed.stdout.length === 0) return;
  const { stdout } = await repository.run(['check-attr', '-z', '--stdin', 'filter'], {
    input: changed.stdout,
  });
  const fields = stdout.toString().split('\0');
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const [path = '', value = ''] = [fields[at], fields[at + 2]];
    if (['unspecified', 'unset', 'set', ''].includes(value)) continue;
    throw new ToolError(
      `${JSON.stringify(toShown(path))} has the filter ${JSON.stringify(value.slice(0, 50))}, which is a program and is not run here.`,
      { hint: 'paths without it; files with filters are staged by the owner' },
    );
  }
}
