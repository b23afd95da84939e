// The project of a request: the one that the header `Drawbridge-Project` names, else the settings' default. A
// client on this machine may add root folders of its own, in a header signed with the home's secret.
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
