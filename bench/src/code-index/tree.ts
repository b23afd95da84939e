// A tree of sources of about 30 MB, the same each time: the project's own files with other names in
// them, so that they read like code and still differ.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Tree {
  readonly files: number;
  readonly bytes: number;
}

const FILES = 3_200;
const FILE_CHARACTERS = 9_700;
/** Names are numbered by so many, so that each stands in some files only. */
const NUMBERS = 97;
const NAME = /\b[a-z]+[A-Z]\w+\b/g;

export function makeTree(project: string, folder: string): Tree {
  const listed = execFileSync('git', ['-C', project, 'ls-files', '-z', '*.ts'], {
    maxBuffer: 16 * 1024 * 1024,
  });
  const texts = listed
    .toString()
    .split('\0')
    .filter((path) => path !== '')
    .map((path) => readFileSync(join(project, path), 'utf8'))
    .filter((text) => text.length > 1_500);
  let bytes = 0;
  for (let file = 0; file < FILES; file += 1) {
    let text = '';
    for (let part = 0; text.length < FILE_CHARACTERS; part += 1) {
      const source = texts[(file * 7 + part * 13) % texts.length] ?? '';
      text += source.replaceAll(NAME, (name) => `${name}${file % NUMBERS}`);
    }
    text = text.slice(0, FILE_CHARACTERS);
    const place = join(folder, `m${file % 40}`, `s${file % 7}`);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, `f${file}.ts`), text);
    bytes += Buffer.byteLength(text);
  }
  return { files: FILES, bytes };
}
