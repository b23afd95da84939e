// A repository that tries everything: each setting, hook, attribute, submodule and name that is known to
// make git run a program leaves a witness when it does.
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commitFiles, git, makeRepository, write } from './harness.ts';

const hooks = [
  'applypatch-msg', 'pre-applypatch', 'post-applypatch', 'pre-commit', 'pre-merge-commit',
  'prepare-commit-msg', 'commit-msg', 'post-commit', 'pre-rebase', 'post-checkout', 'post-merge',
  'pre-push', 'pre-receive', 'update', 'post-receive', 'post-update', 'reference-transaction',
  'push-to-checkout', 'pre-auto-gc', 'post-rewrite', 'sendemail-validate', 'fsmonitor-watchman',
  'post-index-change',
]; // prettier-ignore

export interface HostileRepository {
  folder: string;
  /** What ran. */
  witnesses(): string[];
}

/** In `base`/root/hostile; what runs is noted in `base`/witness. */
export function makeHostileRepository(base: string): HostileRepository {
  const witness = join(base, 'witness');
  mkdirSync(witness);
  const program = join(base, 'program.sh');
  // Passes on what it reads, so that git goes on, and further programs are reached.
  writeFileSync(
    program,
    `#!/bin/sh\n: > "${witness}/$1"\ncase $1 in *url*|*pack|*fsmonitor|*settings|include) exit 1 ;; esac\nshift\ncat "$@" 2>/dev/null\nexit 0\n`,
  );
  chmodSync(program, 0o755);
  const run = (name: string): string => `${program} ${name}`;

  const folder = makeRepository(join(base, 'root/hostile'), {
    'file.txt': 'one\ntwo\nthree\n',
    'plain.txt': 'plain\n',
    'other.txt': 'other\n',
  });
  const sub = makeRepository(join(base, 'sub-origin'), { 'in-sub.txt': 'sub\n' });
  git(folder, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', sub, 'sub');
  write(folder, {
    '.gitmodules': `[submodule "sub"]\n\tpath = sub\n\turl = ext::${run('submodule-url')}\n\tignore = none\n`,
  });
  commitFiles(folder, 'submodule', {});
  git(folder, 'checkout', '--quiet', '-b', 'topic');
  commitFiles(folder, 'theirs', { 'file.txt': 'one\nTHEIRS\nthree\n' });
  git(folder, 'checkout', '--quiet', 'main');
  commitFiles(folder, 'ours', { 'file.txt': 'one\nOURS\nthree\n', 'other.txt': 'changed\n' });
  git(folder, 'tag', 'v1');
  commitFiles(folder, 'attributes', {
    '.gitattributes':
      '* filter=evil diff=evil merge=evil\nplain.txt !filter\n.gitattributes !filter\n',
  });

  const gitFolder = join(folder, '.git');
  const head = git(folder, 'rev-parse', 'HEAD').trim();
  const more = join(base, 'more-settings');
  writeFileSync(more, `[core]\n\tfsmonitor = ${run('include')}\n`);
  const settings: [string, string][] = [
    ['core.editor', run('editor')],
    ['core.pager', run('pager')],
    ['pager.log', run('pager-log')],
    ['pager.status', run('pager-status')],
    ['core.sshCommand', run('ssh')],
    ['core.askPass', run('askpass')],
    ['core.gitProxy', run('git-proxy')],
    ['core.alternateRefsCommand', run('alternate-refs')],
    ['core.attributesFile', join(base, 'more-attributes')],
    ['credential.helper', `!${run('credential')}`],
    ['sequence.editor', run('sequence-editor')],
    ['diff.external', run('diff-external')],
    ['diff.evil.textconv', run('textconv')],
    ['filter.evil.clean', run('clean')],
    ['filter.evil.smudge', run('smudge')],
    ['merge.evil.driver', `${run('merge-driver')}; false`],
    ['merge.default', 'evil'],
    ['gpg.program', run('gpg')],
    ['gpg.ssh.program', run('gpg-ssh')],
    ['log.showSignature', 'true'],
    ['uploadpack.packObjectsHook', run('pack-objects')],
    ['alias.status', `!${run('alias')}`],
    ['interactive.diffFilter', run('diff-filter')],
    ['trailer.evil.command', run('trailer')],
    ['protocol.ext.allow', 'always'],
    ['protocol.file.allow', 'always'],
    ['remote.origin.url', `ext::${run('ext-url')}`],
    ['remote.origin.fetch', '+refs/heads/*:refs/remotes/origin/*'],
    ['remote.origin.uploadpack', run('uploadpack')],
    ['remote.origin.receivepack', run('receivepack')],
    ['remote.local.url', sub],
    ['remote.local.uploadpack', run('local-uploadpack')],
    ['remote.web.url', 'https://127.0.0.1:9/nothing.git'],
    ['remote.web.vcs', 'ext'],
    ['url.ext::sh.insteadOf', 'https://127.0.0.1'],
    ['submodule.sub.url', `ext::${run('sub-url')}`],
    ['submodule.sub.update', `!${run('sub-update')}`],
    ['submodule.recurse', 'true'],
    ['status.submoduleSummary', 'true'],
    ['fetch.recurseSubmodules', 'true'],
    ['branch.main.remote', 'origin'],
    ['branch.main.merge', 'refs/heads/main'],
    ['gc.auto', '1'],
    ['rebase.autoStash', 'true'],
    ['extensions.worktreeConfig', 'true'],
    ['core.fsmonitor', run('fsmonitor')],
    ['includeIf.onbranch:**.path', more],
  ];
  // Armed by hand: git would run some of it while it is set.
  const byHand = settings
    .map(([key, value]) => {
      const first = key.indexOf('.');
      const last = key.lastIndexOf('.');
      const middle = first === last ? '' : ` "${key.slice(first + 1, last)}"`;
      return `[${key.slice(0, first)}${middle}]\n\t${key.slice(last + 1)} = "${value.replaceAll('"', '\\"')}"\n`;
    })
    .join('');
  const before = git(folder, 'config', '--list', '--null').length;
  if (before === 0) throw new Error('the repository has no settings');
  writeFileSync(join(gitFolder, 'config'), byHand, { flag: 'a' });
  writeFileSync(
    join(gitFolder, 'config.worktree'),
    `[core]\n\tfsmonitor = ${run('worktree-settings')}\n`,
  );
  writeFileSync(join(gitFolder, 'info/attributes'), 'other.txt filter=evil diff=evil\n');
  for (const hook of hooks) {
    const path = join(gitFolder, 'hooks', hook);
    mkdirSync(join(gitFolder, 'hooks'), { recursive: true });
    writeFileSync(path, `#!/bin/sh\nexec ${run(`hook-${hook}`)} </dev/null\n`);
    chmodSync(path, 0o755);
  }
  // The submodule's own settings, which git reads when it enters it.
  const inSub = join(gitFolder, 'modules/sub');
  writeFileSync(
    join(inSub, 'config'),
    `[core]\n\tfsmonitor = ${run('sub-fsmonitor')}\n[filter "sub"]\n\tclean = ${run('sub-clean')}\n`,
    { flag: 'a' },
  );
  mkdirSync(join(inSub, 'info'), { recursive: true });
  writeFileSync(join(inSub, 'info/attributes'), '* filter=sub\n');

  const main = 'refs/heads';
  for (const name of ['--upload-pack=x', '-evil', '--output=x']) {
    writeFileSync(join(gitFolder, main, name), `${head}\n`);
  }
  write(folder, {
    'other.txt': 'changed again\n',
    'plain.txt': 'plain, changed\n',
    'new.txt': 'new\n',
    'sub/in-sub.txt': 'bus\n',
  });
  return { folder, witnesses: () => readdirSync(witness).sort() };
}
