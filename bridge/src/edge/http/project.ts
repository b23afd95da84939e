// Which project a request works in: the header `Drawbridge-Project`, else the settings' default;
// a local client may add folders of its own.
import { DrawbridgeError } from '../../errors.ts';
import type { HttpDeps } from './http-env.ts';
import { ROOTS_HEADER, fromRootsHeader } from '../../roots-header.ts';

/** @param header reads a header of the request. Throws `request/invalid` or `auth/forbidden`. */
export function toProject(
  header: (name: string) => string | undefined,
  { settings, secret }: Pick<HttpDeps, 'settings' | 'secret'>,
): { project: string; roots: readonly string[] } {
  const { projects, defaultProject } = settings();
  const name = header('drawbridge-project') ?? defaultProject;
  const project = Object.hasOwn(projects, name) ? projects[name] : undefined;
  if (project === undefined) {
    throw new DrawbridgeError(
      'request/invalid',
      `There is no project ${name}; there are: ${Object.keys(projects).join(', ')}.`,
    );
  }
  const signed = header(ROOTS_HEADER.toLowerCase());
  const own = signed === undefined ? [] : fromRootsHeader(signed, secret);
  return { project: name, roots: [...own, ...project.roots] };
}
