// Makes a large repository with `git fast-import`: `npx tsx servers/git/test/large-repository.ts FOLDER
// [COMMITS] [FILES]`. Every commit changes one file; the first makes them all.
import { spawn, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDERS = 200;

function pathOf(file: number): string {
  return `src/part-${file % FOLDERS}/module-${file}.ts`;
}

function* commandsOf(commits: number, files: number): Generator<string> {
  const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`;
  for (let at = 0; at < commits; at += 1) {
    yield `commit refs/heads/main\ncommitter Ann <ann@example.com> ${1_500_000_000 + at * 60} +0000\n`;
    yield data(`change ${at}`);
    if (at === 0) {
      for (let file = 0; file < files; file += 1) {
        yield `M 100644 inline ${pathOf(file)}\n${data(`export const value = ${file};\n`.repeat(20))}`;
      }
      yield `M 100644 inline package.json\n${data('{}\n')}`;
    } else {
      // One file in ten commits is the same, so that it has a long history.
      const file = at % 10 === 0 ? 7 : (at * 7919) % files;
      const lines = Array.from(
        { length: 20 },
        (_, line) => `export const value${line} = ${line === at % 20 ? at : line};\n`,
      );
      yield `M 100644 inline ${pathOf(file)}\n${data(lines.join(''))}`;
    }
  }
}

/** A repository in `folder`, with its files checked out. */
export async function makeLargeRepository(
  folder: string,
  { commits, files }: { commits: number; files: number },
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const env = { PATH: process.env['PATH'], HOME: folder, GIT_CONFIG_GLOBAL: '/dev/null' };
  execFileSync('git', ['init', '--quiet', '-b', 'main'], { cwd: folder, env });
  const child = spawn('git', ['fast-import', '--quiet'], {
    cwd: folder,
    env,
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const ended = once(child, 'exit');
  for (const command of commandsOf(commits, files)) {
    if (!child.stdin.write(command)) await once(child.stdin, 'drain');
  }
  child.stdin.end();
  await ended;
  execFileSync('git', ['reset', '--quiet', '--hard'], { cwd: folder, env });
}

const [program, folder, commits = '100000', files = '20000'] = process.argv.slice(1);
// By hand only.
if (program === fileURLToPath(import.meta.url) && folder !== undefined) {
  await makeLargeRepository(folder, { commits: Number(commits), files: Number(files) });
}
