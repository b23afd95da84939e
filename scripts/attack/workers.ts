// The two processes beside the bridge: the quiet caller and the attacker. Both end with this one.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { hasEnded, projectRoot } from '../bridge-process.ts';
import type { Sample } from './latencies.ts';

export interface QuietTask {
  readonly url: string;
  readonly key: string;
  /** Calls before the attack. */
  readonly warmCalls: number;
}

/** First when it is warm, then when it was told to end. */
export interface QuietReport {
  readonly alone: Sample[];
  readonly samples?: Sample[];
  /** The most frequent, in words. */
  readonly failures?: string[];
}

export interface AttackerTask {
  readonly name: string;
  readonly url: string;
  readonly key: string;
  readonly operatorKey: string;
  readonly mostSeconds: number;
}

export interface AttackerReport {
  readonly isReady?: true;
  readonly counts?: Record<string, number>;
  readonly issue?: string;
}

export interface QuietCaller {
  readonly alone: QuietReport['alone'];
  end(): Promise<Required<QuietReport>>;
}

export interface Attacker {
  readonly pid: number | undefined;
  begin(task: AttackerTask): void;
  end(): Promise<AttackerReport>;
}

export interface Workers {
  startQuiet(task: QuietTask): Promise<QuietCaller>;
  startAttacker(): Promise<Attacker>;
  close(): Promise<void>;
}

const ANSWER_MS = 60_000;

export function createWorkers(): Workers {
  const children: ChildProcess[] = [];
  const start = (script: string): ChildProcess => {
    const child = fork(join(import.meta.dirname, script), [], {
      cwd: projectRoot,
      execArgv: ['--import', 'tsx'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    children.push(child);
    return child;
  };
  return {
    async startQuiet(task) {
      const child = start('quiet-process.ts');
      child.send(task);
      const { alone } = await nextMessage<QuietReport>(child);
      return {
        alone,
        async end() {
          const told = nextMessage<QuietReport>(child);
          if (child.connected) child.send('end');
          const { samples = [], failures = [] } = await told;
          return { alone, samples, failures };
        },
      };
    },
    async startAttacker() {
      const child = start('attacker-process.ts');
      await nextMessage<AttackerReport>(child);
      let told: Promise<AttackerReport> | undefined;
      return {
        pid: child.pid,
        begin(task) {
          told = nextMessage<AttackerReport>(child, task.mostSeconds * 1_000 + ANSWER_MS);
          // It is looked at when the attacker is told to end.
          told.catch(() => undefined);
          child.send(task);
        },
        async end() {
          if (told === undefined) throw new Error('The attacker did not begin.');
          if (child.connected) child.send('end');
          return told.catch((error: unknown) => ({ issue: String(error) }));
        },
      };
    },
    async close() {
      await Promise.all(
        children.map(async (child) => {
          if (hasEnded(child)) return;
          const gone = once(child, 'exit');
          child.kill('SIGKILL');
          await gone;
        }),
      );
    },
  };
}

/** T is what the script of the child sends; see above. @throws Error where it ends or is silent */
async function nextMessage<T>(child: ChildProcess, waitMs = ANSWER_MS): Promise<T> {
  const over = new AbortController();
  try {
    return await Promise.race([
      once(child, 'message', { signal: over.signal }).then(([message]) => message as T),
      once(child, 'exit', { signal: over.signal }).then(([code, signal]): T => {
        throw new Error(`A process of the harness ended (${signal ?? code}).`);
      }),
      wait(waitMs, undefined, { signal: over.signal }).then((): T => {
        throw new Error(`A process of the harness was silent for ${waitMs / 1_000} s.`);
      }),
    ]);
  } finally {
    over.abort();
  }
}
