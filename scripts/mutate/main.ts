// `npm run mutate`: plants known faults ("mutants"), one at a time, and runs the tests that should notice.
// It works in copies of the checkout, which stays as it is. How to add one is in CONTRIBUTING.md.
import { resolve } from 'node:path';
import { mutants } from './mutants/index.ts';
import { parseOptions } from './options.ts';
import { type Trial, runMutants } from './run-mutants.ts';
import { toSummary, toTrialLine } from './summary.ts';

const INTERRUPTED = 130;

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => interrupted.abort(new Error(`${signal}: everything is ended.`)));

const { chosen, jobs } = parseOptions(process.argv.slice(2), mutants);
const accepted = chosen.filter(({ survives }) => survives !== undefined);
const trials: Trial[] = [];
try {
  await runMutants(
    chosen.filter(({ survives }) => survives === undefined),
    {
      checkout: resolve(import.meta.dirname, '../..'),
      jobs,
      signal: interrupted.signal,
      report: (line) => console.log(line),
      onTrial(trial) {
        trials.push(trial);
        console.log(toTrialLine(trial));
      },
    },
  );
  console.log(`\n${toSummary(trials, accepted)}`);
  if (trials.some(({ verdict }) => verdict !== 'killed')) process.exitCode = 1;
} catch (error) {
  console.error(String(error));
  process.exitCode = interrupted.signal.aborted ? INTERRUPTED : 1;
}
