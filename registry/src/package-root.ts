// Where Drawbridge itself lies. The same code runs from sources and from a bundle in another folder,
// so the root is recognised by what it holds and not by a fixed number of steps up.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds `registry/servers`, looked for upwards from a module's URL. */
export function findPackageRoot(moduleUrl: string = import.meta.url): string {
  let folder = dirname(fileURLToPath(moduleUrl));
  while (!existsSync(join(folder, 'registry', 'servers'))) {
    const parent = dirname(folder);
    if (parent === folder) {
      throw new Error(`No registry/servers folder above ${fileURLToPath(moduleUrl)}`);
    }
    folder = parent;
  }
  return folder;
}
