// Plants mutants, several at a time, each in a copy of the checkout, and runs the tests that should notice.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CheckoutCopy, createCheckoutCopy } from './checkout-copy.ts';
import type { Mutant } from './mutants/mutant.ts';
import { runCommand } from './run-command.ts';

/** `error`: the mutant itself is wrong, so its tests tell nothing. */
export type Verdict = 'killed' | 'survived' | 'error';

export interface Trial {
  readonly mutant: Mutant;
  readonly verdict: Verdict;
  /** Who noticed, or what is wrong. */
  readonly detail: string;
  readonly seconds: number;
}

export interface RunOptions {
  readonly checkout: string;
  readonly jobs: number;
  readonly signal: AbortSignal;
  readonly report: (line: string) => void;
  readonly onTrial: (trial: Trial) => void;
}

/** A mutant may make a test hang: then the tests noticed it. */
const TEST_TIMEOUT_MS = 180_000;
const BASELINE_TIMEOUT_MS = 900_000;
const TYPES_TIMEOUT_MS = 120_000;

/** Rejects when the tests are red without any mutant, or with the signal's reason. */
export async function runMutants(mutants: readonly Mutant[], options: RunOptions): Promise<void> {
  const { checkout, jobs, signal, report, onTrial } = options;
  const copies: CheckoutCopy[] = [];
  try {
    for (let job = 0; job < Math.min(jobs, mutants.length); job += 1)
      copies.push(await createCheckoutCopy(checkout));
    const [first] = copies;
    if (first === undefined) return;
    const tests = [...new Set(mutants.flatMap((mutant) => mutant.tests))];
    report(`First without a mutant: ${tests.length} test files.`);
    await assertGreen(first, { tests, jobs, signal });
    const waiting = [...mutants];
    const work = async (copy: CheckoutCopy): Promise<void> => {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        const begin = performance.now();
        const end = await tryMutant(mutant, copy, signal);
        onTrial({ mutant, ...end, seconds: (performance.now() - begin) / 1_000 });
      }
    };
    // All of them, so that no copy is removed under one that still works in it.
    const ends = await Promise.allSettled(copies.map(work));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  } finally {
    for (const copy of copies) await copy.remove();
  }
}

interface Baseline extends Pick<RunOptions, 'jobs' | 'signal'> {
  readonly tests: readonly string[];
}

async function assertGreen(
  { root }: CheckoutCopy,
  { tests, jobs, signal }: Baseline,
): Promise<void> {
  const { code, output } = await runCommand(toVitest(tests, jobs), {
    cwd: root,
    timeoutMs: BASELINE_TIMEOUT_MS,
    signal,
  });
  if (code !== 0) throw new Error(`The tests are red without a mutant:\n${output}`);
}

async function tryMutant(
  { file, find, replace, tests }: Mutant,
  copy: CheckoutCopy,
  signal: AbortSignal,
): Promise<Pick<Trial, 'verdict' | 'detail'>> {
  const { root: cwd } = copy;
  const [before = '', after, ...more] = (await readFile(join(cwd, file), 'utf8')).split(find);
  if (after === undefined) return { verdict: 'error', detail: '`find` is not in the file' };
  if (more.length > 0) return { verdict: 'error', detail: '`find` is in the file more than once' };
  return copy.withText(file, [before, after].join(replace), async () => {
    const types = await runCommand(toTypeCheck(), { cwd, timeoutMs: TYPES_TIMEOUT_MS, signal });
    if (types.code !== 0)
      return { verdict: 'error', detail: `did not compile: ${types.output.trim()}` };
    for (const test of tests) {
      const { code, output } = await runCommand(toVitest([test], 1), {
        cwd,
        timeoutMs: TEST_TIMEOUT_MS,
        signal,
      });
      if (code === 0) continue;
      const how = code === undefined ? 'did not end' : toFailure(output);
      return { verdict: 'killed', detail: how === undefined ? test : `${test}: ${how}` };
    }
    return { verdict: 'survived', detail: tests.join(', ') };
  });
}

function toVitest(tests: readonly string[], workers: number): string[] {
  const vitest = 'node_modules/vitest/vitest.mjs';
  return [vitest, 'run', '--bail', '1', `--maxWorkers=${workers}`, ...tests];
}

/** What a mutant leaves unused is no reason not to run it. Only what it changed is looked at again. */
function toTypeCheck(): string[] {
  const unused = ['--noUnusedLocals', 'false', '--noUnusedParameters', 'false'];
  const again = ['--incremental', '--tsBuildInfoFile', 'node_modules/.mutate.tsbuildinfo'];
  return ['node_modules/typescript/bin/tsc', '--noEmit', ...unused, ...again];
}

/** The first test that failed, as vitest tells it. */
function toFailure(output: string): string | undefined {
  return /^ *FAIL +\S+(?: > (.+))?$/m.exec(output)?.[1];
}
