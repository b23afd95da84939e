// Swaps a folder for a link, and back, without a pause, until it is killed; says so once it began.
import { renameSync } from 'node:fs';

const [folder = '', link = '', aside = ''] = process.argv.slice(2);
for (let turn = 0; ; turn += 1) {
  renameSync(folder, aside);
  renameSync(link, folder);
  renameSync(folder, link);
  renameSync(aside, folder);
  if (turn === 0) process.stdout.write('.');
}
