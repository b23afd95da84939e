// Whether a command of the settings exists, as a shell would find it.
import { existsSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** The file that a command names, looked for on the PATH; nothing when there is none. */
export function findCommand(
  command: string,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (isAbsolute(command) || /[\\/]/.test(command))
    return existsSync(command) ? command : undefined;
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', '.bat', ''] : [''];
  return (env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => endings.map((ending) => join(folder, command + ending)))
    .find((path) => existsSync(path));
}
