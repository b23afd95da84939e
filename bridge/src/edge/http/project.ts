// Which project a request works in: the header `Drawbridge-Project`, else the settings' default;
// a local client may add folders of its own.
import type { Context } from 'hono';
import { DrawbridgeError } from '../../errors.ts';
import type { HttpEnv, HttpDeps } from './http-env.ts';
import { ROOTS_HEADER, fromRootsHeader } from '../../roots-header.ts';

export function toProject(
  c: Context<HttpEnv>,
  { settings, secret }: Pick<HttpDeps, 'settings' | 'secret'>,
): { project: string; roots: readonly string[] } {
  const { projects, defaultProject } = settings();
  const name = c.req.header('drawbridge-project') ?? defaultProject;
  const project = Object.hasOwn(projects, name) ? projects[name] : undefined;
  if (project === undefined) {
    throw new DrawbridgeError(
      'request/invalid',
      `There is no project ${name}; there are: ${Object.keys(projects).join(', ')}.`,
    );
  }
  const header = c.req.header(ROOTS_HEADER);
  const own = header === undefined ? [] : fromRootsHeader(header, secret);
  return { project: name, roots: [...own, ...project.roots] };
}
