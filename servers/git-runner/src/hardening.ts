// What holds for every git command, whatever the repository: an environment built from nothing, and
// settings of the highest priority. The repository's own settings are a second matter: git never reads
// them (own-settings.ts). What stands here closes what git, its libraries or the user would add.
import { delimiter, isAbsolute } from 'node:path';

/** Protocols that git itself may speak; the URLs are checked before (remote-url.ts). */
export type Protocol = 'https' | 'http' | 'ssh';

const SSH_COMMAND = [
  'ssh -F /dev/null',
  '-oBatchMode=yes',
  '-oStrictHostKeyChecking=yes',
  '-oProxyCommand=none',
  '-oPermitLocalCommand=no',
  '-oClearAllForwardings=yes',
  '-oForwardAgent=no',
  '-oControlPath=none',
].join(' ');

/** Some repeat what the environment says: a version of git may know only one of the two. */
const settings: Readonly<Record<string, string>> = {
  // Programs.
  'core.fsmonitor': 'false',
  'core.hooksPath': '/dev/null',
  'core.pager': 'cat',
  'core.editor': ':',
  'sequence.editor': ':',
  'core.gitProxy': '',
  'core.sshCommand': SSH_COMMAND,
  'core.askPass': '',
  'credential.helper': '',
  'gpg.program': 'false',
  'gpg.ssh.program': 'false',
  'gpg.x509.program': 'false',
  'commit.gpgSign': 'false',
  'tag.gpgSign': 'false',
  'push.gpgSign': 'false',
  'log.showSignature': 'false',
  'gc.auto': '0',
  'gc.autoDetach': 'false',
  'maintenance.auto': 'false',
  'rerere.enabled': 'false',
  // Files elsewhere.
  'core.attributesFile': '/dev/null',
  'core.excludesFile': '/dev/null',
  'init.templateDir': '',
  // Repositories in the repository, whose settings git would read.
  'submodule.recurse': 'false',
  'fetch.recurseSubmodules': 'false',
  'push.recurseSubmodules': 'no',
  'diff.ignoreSubmodules': 'dirty',
  'diff.submodule': 'short',
  'status.submoduleSummary': 'false',
  // Names that some file systems take for `.git`.
  'core.protectHFS': 'true',
  'core.protectNTFS': 'true',
  // The network.
  'protocol.allow': 'never',
  'protocol.ext.allow': 'never',
  'protocol.file.allow': 'never',
  'http.followRedirects': 'initial',
  'http.sslVerify': 'true',
  'http.emptyAuth': 'false',
  'transfer.bundleURI': 'false',
  // Output in one form.
  'color.ui': 'false',
  'core.quotePath': 'false',
  'diff.noprefix': 'false',
  'diff.mnemonicPrefix': 'false',
  'merge.conflictStyle': 'diff3',
  'advice.detachedHead': 'false',
  // Who wrote a commit is said, never guessed from the machine.
  'user.useConfigOnly': 'true',
  'branch.autoSetupMerge': 'false',
  'rebase.autoSquash': 'false',
  'rebase.autoStash': 'false',
  'merge.autoStash': 'false',
  'core.untrackedCache': 'false',
};

export interface EnvironmentOptions {
  /** The operator's, of which only the search path is taken. */
  env: NodeJS.ProcessEnv;
  /** A folder that is empty and stays so. */
  home: string;
  /** Settings besides those above. */
  more?: Readonly<Record<string, string>>;
  protocols?: readonly Protocol[];
}

/** Without relative folders, in which a repository could place programs. */
function toSearchPath({ PATH = '/usr/local/bin:/usr/bin:/bin' }: NodeJS.ProcessEnv): string {
  return PATH.split(delimiter).filter(isAbsolute).join(delimiter);
}

export function toEnvironment({
  env,
  home,
  more = {},
  protocols = [],
}: EnvironmentOptions): Record<string, string> {
  const pairs = Object.entries({ ...settings, ...more });
  const numbered = pairs.flatMap(([key, value], index): [string, string][] => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return {
    PATH: toSearchPath(env),
    HOME: home,
    XDG_CONFIG_HOME: home,
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    TERM: 'dumb',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    SSH_ASKPASS: '',
    GIT_PAGER: 'cat',
    GIT_EDITOR: ':',
    GIT_SEQUENCE_EDITOR: ':',
    GIT_MERGE_AUTOEDIT: 'no',
    GIT_SSH_COMMAND: SSH_COMMAND,
    GIT_NO_LAZY_FETCH: '1',
    GIT_LITERAL_PATHSPECS: '1',
    GIT_PROTOCOL_FROM_USER: '0',
    // Empty would mean that none is named, and so the settings count.
    GIT_ALLOW_PROTOCOL: protocols.length === 0 ? 'none' : protocols.join(':'),
    GIT_CONFIG_COUNT: String(pairs.length),
    ...Object.fromEntries(numbered),
  };
}
