// Rewrites the file it is given, in place and without end: two texts of different length, in pieces.
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';

const path = process.argv[2] ?? '';
const texts = ['one', 'two'].map((name, at) =>
  Array.from({ length: 400 + at * 150 }, (_, n) => `function ${name}${n}() {}\n`).join(''),
);
process.stdout.write('writing\n');
const file = openSync(path, 'w');
const end = Date.now() + 50_000;
for (let round = 0; Date.now() < end; round += 1) {
  const text = texts[round % 2] ?? '';
  ftruncateSync(file, 0);
  for (let at = 0; at < text.length; at += 4_000) writeSync(file, text.slice(at, at + 4_000), at);
}
closeSync(file);
