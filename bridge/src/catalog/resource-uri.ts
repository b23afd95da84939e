// Which server answers for a URI: one that lists it, else the first whose template matches it
// (RFC 6570, as far as MCP's resource templates use it).
import { UriTemplate } from '@modelcontextprotocol/server';

/** Matches a URI against a template; a template that does not parse matches nothing. */
export function createUriMatcher(template: string): (uri: string) => boolean {
  let parsed: UriTemplate;
  try {
    parsed = new UriTemplate(template);
  } catch {
    return () => false;
  }
  return (uri) => parsed.match(uri) !== null;
}
