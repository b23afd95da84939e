// Replaces one file over and over, saying a word after each time, until it is killed.
import { openFolder, writeAtomically } from '@drawbridge/paths';

const [root = '', size = '0'] = process.argv.slice(2);
const folder = await openFolder(root, () => {});
for (let turn = 0; ; turn += 1) {
  const content = (turn % 2 === 0 ? 'B' : 'A').repeat(Number(size));
  await writeAtomically(folder, 'a.txt', (file) => file.writeFile(content), { replace: true });
  process.stdout.write('.');
}
