// The headers of requests: which a caller may set, and which follow a redirect to another origin.
import { ToolError } from '@drawbridge/kit';

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}$/;
const VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]{0,8192}$/;
const MOST_HEADERS = 64;

/** They frame the message or choose where it goes, which is for the guard to say. */
const OURS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** All others may be a credential: keys travel in headers of any name. */
const HARMLESS: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'user-agent',
]);

/** With names in lower case. @throws ToolError */
export function checkHeaders(
  headers: Readonly<Record<string, string>>,
): ReadonlyMap<string, string> {
  const entries = Object.entries(headers);
  if (entries.length > MOST_HEADERS)
    throw new ToolError(`${entries.length} headers are too many.`, {
      allowed: `up to ${MOST_HEADERS}`,
    });
  const checked = new Map<string, string>();
  for (const [given, value] of entries) {
    const name = given.toLowerCase();
    const shown = JSON.stringify(given.slice(0, 100));
    if (!NAME.test(given)) throw new ToolError(`${shown} is no header name.`);
    if (OURS.has(name)) throw new ToolError(`The header ${shown} cannot be set.`);
    if (checked.has(name)) throw new ToolError(`The header ${shown} is given twice.`);
    if (!VALUE.test(value)) {
      throw new ToolError(`The value of the header ${shown} is refused.`, {
        allowed: 'up to 8192 characters of Latin-1, without line breaks or control characters',
      });
    }
    checked.set(name, value);
  }
  return checked;
}

/** What is left of the headers when the request goes on to another origin. */
export function toOtherOrigin(headers: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...headers].filter(([name]) => HARMLESS.has(name)));
}

/** What is left when the body is: a GET does not say of which type it is. */
export function withoutBody(headers: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...headers].filter(([name]) => !name.startsWith('content-')));
}
