// Which addresses git may reach: https through the guard's proxy, plain http only to hosts that the
// operator named, ssh only to hosts that the operator named for it. No path, no `ext::`, no helper.
import { ToolError } from '@drawbridge/kit';
import type { Protocol } from './hardening.ts';
import { redact } from './redact.ts';

export interface RemoteUrl {
  protocol: Protocol;
  /** With the port, if one is named. */
  host: string;
  /** Without user and password; a user's name stays for ssh, where it is part of the address. */
  url: string;
}

const MAX_URL = 2_048;
// user@host:path, where no slash comes before the colon.
const SCP_FORM = /^(?:([\w.-]+)@)?([A-Za-z0-9][A-Za-z0-9.-]*):(?!\/\/)([^:].*)$/;

function wrong(text: string): ToolError {
  return new ToolError(`${JSON.stringify(redact(text).slice(0, 200))} is not a remote's address.`, {
    allowed: 'https://host/path; ssh and http for hosts that the operator allows',
  });
}

/** @throws ToolError for anything else. */
export function parseRemoteUrl(text: string): RemoteUrl {
  if (text.length > MAX_URL || /[\0-\x20\x7f\\'"`]/.test(text) || text.startsWith('-')) {
    throw wrong(text);
  }
  const [, user, host, path] = SCP_FORM.exec(text) ?? [];
  if (host !== undefined && path !== undefined && !text.includes('://')) {
    return toSsh({ user: user ?? '', host, path: `/${path.replace(/^\/+/, '')}`, text });
  }
  if (!/^(?:https?|ssh):\/\/[^/]/i.test(text) || !URL.canParse(text)) throw wrong(text);
  const url = new URL(text);
  if (url.protocol === 'ssh:') {
    const { username, host: named, pathname } = url;
    return toSsh({ user: username, host: named, path: pathname, text });
  }
  if (url.hostname === '') throw wrong(text);
  url.username = '';
  url.password = '';
  url.hash = '';
  return {
    protocol: url.protocol === 'http:' ? 'http' : 'https',
    host: url.host,
    url: url.href,
  };
}

interface SshParts {
  user: string;
  host: string;
  path: string;
  text: string;
}

function toSsh({ user, host, path, text }: SshParts): RemoteUrl {
  // Either could be read as an option by ssh or by what runs at the other end.
  if (user.startsWith('-') || host.startsWith('-') || /^\/*-/.test(path)) throw wrong(text);
  const name = user === '' ? '' : `${user}@`;
  return { protocol: 'ssh', host, url: `ssh://${name}${host}${path}` };
}
