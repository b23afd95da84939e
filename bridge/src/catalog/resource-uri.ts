// Matches URIs against resource templates (RFC 6570, as far as MCP's templates use it). The template comes
// from a server and the URI from a caller, so a match is one pass over the URI for each part of the template,
// and never a regular expression, which could backtrack without end.

/** Matches a URI against a template; a template that does not parse matches nothing. */
export function createUriMatcher(template: string): (uri: string) => boolean {
  const parts = template.length > MAX_TEMPLATE ? undefined : parseTemplate(template);
  if (parts === undefined) return () => false;
  return (uri) => uri.length <= MAX_URI && matches(parts, uri);
}

/** Whether a template names its scheme; one that does not may match URIs of any scheme. */
export function namesScheme(template: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(template);
}

const MAX_TEMPLATE = 1_024;
const MAX_URI = 4_096;
const MAX_PARTS = 64;

/** Fixed text, or one or more characters that are none of `except`. */
type Part = { readonly text: string } | { readonly except: string };

function parseTemplate(template: string): readonly Part[] | undefined {
  const parts: Part[] = [];
  const addText = (text: string): void => {
    if (text !== '') parts.push({ text });
  };
  let at = 0;
  for (let open = template.indexOf('{'); open !== -1; open = template.indexOf('{', at)) {
    const close = template.indexOf('}', open);
    if (close === -1 || parts.length > MAX_PARTS) return undefined;
    addText(template.slice(at, open));
    parts.push(...toParts(template.slice(open + 1, close)));
    at = close + 1;
  }
  addText(template.slice(at));
  return parts;
}

function toParts(expression: string): readonly Part[] {
  const [operator = ''] = /^[+#./?&]/.exec(expression) ?? [];
  const names = expression
    .slice(operator.length)
    .split(',')
    .map((name) => name.trim());
  const isExploded = expression.includes('*');
  switch (operator) {
    case '+':
    case '#':
      return [{ except: '\n\r\u2028\u2029' }];
    case '?':
    case '&':
      return names
        .slice(0, MAX_PARTS)
        .flatMap((name, index) => [
          { text: `${index === 0 ? operator : '&'}${name.replace('*', '')}=` },
          { except: '&' },
        ]);
    case '.':
    case '/':
      return [{ text: operator }, { except: isExploded && operator === '/' ? '/' : '/,' }];
    default:
      return [{ except: isExploded ? '/' : '/,' }];
  }
}

/** For each part, marks the offsets in the URI at which the parts so far can end. */
function matches(parts: readonly Part[], uri: string): boolean {
  let places = new Uint8Array(uri.length + 1);
  places[0] = 1;
  for (const part of parts) {
    const next = new Uint8Array(uri.length + 1);
    let isAny = false;
    if ('text' in part) {
      for (let at = uri.indexOf(part.text); at !== -1; at = uri.indexOf(part.text, at + 1)) {
        if (places[at] !== 1) continue;
        next[at + part.text.length] = 1;
        isAny = true;
      }
    } else {
      let isOpen = false;
      for (let at = 0; at < uri.length; at += 1) {
        isOpen = (isOpen || places[at] === 1) && !part.except.includes(uri.charAt(at));
        if (!isOpen) continue;
        next[at + 1] = 1;
        isAny = true;
      }
    }
    if (!isAny) return false;
    places = next;
  }
  return places[uri.length] === 1;
}
