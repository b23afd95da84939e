// What a URL must look like before anything is asked of the network. The parsed URL alone is used
// afterwards, so that no other reading of the same text can differ. Errors show the host and never the
// rest of the URL, which may hold a key.
import { ToolError } from '@drawbridge/kit';
import type { HostCheck } from './host-check.ts';

const LONGEST_URL = 8192;

// oxlint-disable-next-line no-control-regex -- these are what is looked for
const UNSEEN = /[\u0000-\u0020\u007f]/;

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

export function toPort(url: URL): number {
  return url.port === '' ? (DEFAULT_PORTS[url.protocol] ?? 0) : Number(url.port);
}

function parseUrl(text: string): URL {
  const allowed = `an absolute http or https URL of up to ${LONGEST_URL} characters, without spaces`;
  if (text.length > LONGEST_URL)
    throw new ToolError(`The URL has ${text.length} characters.`, { allowed });
  // The parser drops line breaks and tabs in silence.
  if (UNSEEN.test(text))
    throw new ToolError('The URL has spaces or control characters.', { allowed });
  if (!URL.canParse(text)) throw new ToolError('The URL cannot be read.', { allowed });
  return new URL(text);
}

/** @throws ToolError */
export function checkUrl(text: string, hosts: HostCheck): URL {
  const url = parseUrl(text);
  if (!Object.hasOwn(DEFAULT_PORTS, url.protocol)) {
    throw new ToolError(
      `URLs of the scheme ${JSON.stringify(url.protocol.slice(0, 40))} are refused.`,
      {
        allowed: 'http: and https:',
      },
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new ToolError('The URL has a user or a password in it.', {
      allowed: 'URLs without "user:password@"',
    });
  }
  hosts.assertHost(url.hostname, toPort(url));
  return url;
}
