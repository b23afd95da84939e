// Ends what was started when this process is killed and can no longer do so. A shell reads the process
// groups from a pipe whose other end only this process holds; at its end, it kills those still running.
import { spawn, type ChildProcess } from 'node:child_process';

/** `+ group` and `- group`, line by line. Constant: nothing from outside is ever part of it. */
const SCRIPT = `
running=' '
while read -r change group; do
  case $change in
    +) running="$running$group " ;;
    -) case $running in *" $group "*) running="\${running%% $group *} \${running#* $group }" ;; esac ;;
  esac
done
for group in $running; do kill -KILL "-$group" 2>/dev/null; done
`;

export interface Watchdog {
  watch(group: number): void;
  forget(group: number): void;
}

export function createWatchdog(): Watchdog {
  let shell: ChildProcess | undefined;
  const tell = (line: string): void => void shell?.stdin?.write(`${line}\n`);
  const start = (): void => {
    if (process.platform === 'win32' || (shell !== undefined && shell.exitCode === null)) return;
    // In a group of its own, so that what is sent to ours does not end it first.
    shell = spawn('/bin/sh', ['-c', SCRIPT], {
      env: {},
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    shell.once('error', () => (shell = undefined));
    shell.stdin?.on('error', () => (shell = undefined));
    shell.unref();
    // A socket, which may be left open without keeping this process alive.
    const { stdin } = shell;
    if (stdin !== null && 'unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
  };
  return {
    watch(group) {
      start();
      tell(`+ ${group}`);
    },
    forget: (group) => tell(`- ${group}`),
  };
}
