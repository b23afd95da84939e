// What a command that reaches a remote gets: the proxy of the network guard, the one protocol, and the
// operator's credentials of that host. Whatever else it would like to reach stays closed.
import { ToolError } from '@drawbridge/kit';
import { toAskEnvironment, type Credentials } from './credentials.ts';
import type { Protocol } from './hardening.ts';
import { redact } from './redact.ts';
import { parseRemoteUrl } from './remote-url.ts';

/** The face of the network guard that is needed here; `onRefused` is told what it lets no one reach. */
export type OpenProxy = (
  onRefused: (error: ToolError) => void,
) => Promise<{ url: string; close(): Promise<void> }>;

export interface RemoteAccessOptions {
  env: NodeJS.ProcessEnv;
  credentials?: () => Credentials;
  openProxy?: OpenProxy;
  sshHosts?: readonly string[];
  httpHosts?: readonly string[];
}

interface OpenRemote {
  protocol: Protocol;
  settings: Record<string, string>;
  env: Record<string, string>;
  secrets: string[];
  /** Why the guard let git not through, if it did not. */
  refusal(): ToolError | undefined;
  close(): Promise<void>;
}

export interface RemoteAccess {
  /** @throws ToolError when that remote may not be reached. */
  open(url: string, stateFolder: string): Promise<OpenRemote>;
  redact(text: string, secrets: readonly string[]): string;
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '');
}

function names(hosts: readonly string[], host: string): boolean {
  return hosts.includes(host.toLowerCase()) || hosts.includes(withoutPort(host).toLowerCase());
}

export function createRemoteAccess({
  env,
  credentials = () => ({}),
  openProxy,
  sshHosts = [],
  httpHosts = [],
}: RemoteAccessOptions): RemoteAccess {
  return {
    redact,
    async open(text, stateFolder) {
      const remote = parseRemoteUrl(text);
      const { protocol, host } = remote;
      if (protocol === 'ssh') {
        if (!names(sshHosts, host)) {
          throw new ToolError(`ssh to ${host} is not allowed.`, {
            hint: 'an https:// address; or the operator names the host in DRAWBRIDGE_GIT_SSH_HOSTS',
          });
        }
        const agent = env['SSH_AUTH_SOCK'];
        return {
          protocol,
          settings: {},
          env: agent === undefined ? {} : { SSH_AUTH_SOCK: agent },
          secrets: [],
          refusal: () => undefined,
          close: async () => {},
        };
      }
      if (protocol === 'http' && !names(httpHosts, host)) {
        throw new ToolError(`Plain http to ${host} is not allowed.`, {
          hint: 'an https:// address; or the operator names the host in DRAWBRIDGE_ALLOW_HOSTS',
        });
      }
      if (openProxy === undefined) {
        throw new ToolError('This server has no way to the network.');
      }
      const credential = credentials()[host];
      let refused: ToolError | undefined;
      const proxy = await openProxy((error) => (refused ??= error));
      const { password: proxyPassword } = new URL(proxy.url);
      return {
        protocol,
        settings: { 'http.proxy': proxy.url, 'http.proxyAuthMethod': 'basic' },
        env: credential === undefined ? {} : toAskEnvironment(remote, credential, stateFolder),
        secrets: [proxyPassword, ...(credential === undefined ? [] : [credential.password])],
        refusal: () => refused,
        close: proxy.close,
      };
    },
  };
}
